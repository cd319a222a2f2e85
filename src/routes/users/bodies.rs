//! The JSON bodies of user administration.

use crate::domain::{
    FieldError, Scopes, Secret, Username, check_email, check_full_name, check_new_name,
};
use crate::routes::fields::{Fields, password_schema, scopes_schema, text_schema};
use crate::routes::json_body::Body;
use crate::routes::users::parameters::username_schema;
use serde_json::{Value, json};

/// A user to be created.
pub(super) struct UserCreateBody {
    pub(super) username: Username,
    pub(super) email: Option<String>,
    pub(super) full_name: Option<String>,
    pub(super) disabled: bool,
    pub(super) password: Secret,
    pub(super) scopes: Scopes,
}

fn new_name_schema() -> Value {
    let mut username = username_schema();
    username["not"] = json!({"enum": ["me", ".", ".."]});
    username["description"] = json!(
        "No invisible characters, no white space but single spaces within, no letters of scripts \
         that do not belong together"
    );
    username
}

fn new_name(text: &str) -> Result<Username, FieldError> {
    let name: Username = text.parse()?;
    check_new_name(&name)?;
    Ok(name)
}

impl Body for UserCreateBody {
    const NAME: &'static str = "UserCreate";

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["username", "password"],
            "additionalProperties": false,
            "properties": {
                "username": new_name_schema(),
                "password": password_schema(),
                "email": text_schema(254),
                "full_name": text_schema(256),
                "disabled": {"type": "boolean", "default": false},
                "scopes": scopes_schema(),
            },
            "example": {
                "username": "bob",
                "password": "correct horse battery",
                "email": "bob@example.com",
                "full_name": "Bob Builder",
                "scopes": ["me", "items"],
            },
        })
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let username = fields.required("username", new_name);
        let password = fields.new_password("password");
        let email = fields.optional("email", check_email);
        let full_name = fields.optional("full_name", check_full_name);
        let disabled = fields.boolean("disabled");
        let scopes =
            if fields.has("scopes") { fields.scopes("scopes") } else { Some(Scopes::default()) };
        Some(Self {
            username: username?,
            email: email.flatten(),
            full_name: full_name.flatten(),
            disabled: disabled.unwrap_or(false),
            password: password?,
            scopes: scopes?,
        })
    }
}

/// What to change of a user.
pub(super) struct UserChangeBody {
    pub(super) username: Option<Username>,
    pub(super) email: Option<Option<String>>,
    pub(super) full_name: Option<Option<String>>,
    pub(super) disabled: Option<bool>,
}

impl Body for UserChangeBody {
    const NAME: &'static str = "UserChange";

    fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "username": new_name_schema(),
                "email": text_schema(254),
                "full_name": text_schema(256),
                "disabled": {"type": "boolean"},
            },
            "example": {"disabled": true},
        })
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            username: fields.given("username", new_name),
            email: fields.optional("email", check_email),
            full_name: fields.optional("full_name", check_full_name),
            disabled: fields.boolean("disabled"),
        })
    }
}

/// A new password.
pub(super) struct PasswordBody {
    pub(super) password: Secret,
}

impl Body for PasswordBody {
    const NAME: &'static str = "Password";
    const MOST: usize = 16 * 1024;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["password"],
            "additionalProperties": false,
            "properties": {"password": password_schema()},
            "example": {"password": "correct horse battery"},
        })
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { password: fields.new_password("password")? })
    }
}

/// All scopes that a user is to have.
pub(super) struct ScopesBody {
    pub(super) scopes: Scopes,
}

impl Body for ScopesBody {
    const NAME: &'static str = "Scopes";

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["scopes"],
            "additionalProperties": false,
            "properties": {"scopes": scopes_schema()},
            "example": {"scopes": ["me", "items"]},
        })
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { scopes: fields.scopes("scopes")? })
    }
}

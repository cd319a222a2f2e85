//! E-mail addresses as pydantic's `EmailStr` takes them, without quotes, comments and literal IP addresses; the words are those
//! of the Python package email-validator.

/// Most characters before the @-sign, and of the whole (RFC 5321 §4.5.3.1).
const MOST_LOCAL: usize = 64;
const MOST: usize = 254;

/// Checks an address, or says what is wrong.
pub(super) fn check(text: &str) -> Result<(), String> {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return Err("An email address must have an @-sign.".to_owned());
    };
    if local.is_empty() {
        return Err("There must be something before the @-sign.".to_owned());
    }
    if domain.is_empty() {
        return Err("There must be something after the @-sign.".to_owned());
    }
    let wrong = listed(local, |c| c == '.' || is_atom(c));
    if !wrong.is_empty() {
        let what = "The email address contains invalid characters before the @-sign";
        return Err(format!("{what}: {wrong}."));
    }
    let wrong = listed(domain, |c| matches!(c, '.' | '-') || c.is_alphanumeric());
    if !wrong.is_empty() {
        return Err(format!("The part after the @-sign contains invalid characters: {wrong}."));
    }
    if let Some(misplaced) = misplaced(local, domain) {
        return Err(format!("An email address cannot {misplaced}."));
    }
    if !domain.contains('.') {
        return Err("The part after the @-sign is not valid. It should have a period.".to_owned());
    }
    too_long(" before the @-sign", local, MOST_LOCAL)?;
    too_long("", text, MOST)
}

/// RFC 5322 §3.2.3 and RFC 6532 §3.2.
fn is_atom(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// The characters that are not allowed, each once.
fn listed(text: &str, is_allowed: impl Fn(char) -> bool) -> String {
    let mut wrong: Vec<char> = text.chars().filter(|c| !is_allowed(*c)).collect();
    wrong.sort_unstable();
    wrong.dedup();
    let shown = wrong.iter().map(|c| match c {
        ' ' => "SPACE".to_owned(),
        c if c.is_control() || c.is_whitespace() => format!("U+{:04X}", u32::from(*c)),
        c => format!("'{c}'"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A period or hyphen where none may be.
fn misplaced(local: &str, domain: &str) -> Option<&'static str> {
    let all = [
        (local.starts_with('.'), "start with a period"),
        (local.ends_with('.'), "have a period immediately before the @-sign"),
        (domain.starts_with('.'), "have a period immediately after the @-sign"),
        (domain.ends_with('.'), "end with a period"),
        (local.contains("..") || domain.contains(".."), "have two periods in a row"),
        (domain.starts_with('-'), "have a hyphen immediately after the @-sign"),
        (domain.ends_with('-'), "end with a hyphen"),
        (
            domain.contains(".-") || domain.contains("-."),
            "have a period and a hyphen next to each other",
        ),
    ];
    all.into_iter().find(|(is_wrong, _)| *is_wrong).map(|(_, what)| what)
}

fn too_long(place: &str, text: &str, most: usize) -> Result<(), String> {
    let count = text.chars().count();
    if count <= most {
        return Ok(());
    }
    let over = count - most;
    let characters = if over == 1 { "character" } else { "characters" };
    Err(format!("The email address is too long{place} ({over} {characters} too many)."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_others() {
        for good in ["jane@example.com", "j.d+x@a-b.example.org", "jürgen@müller.de", "a@b.c"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("nope", "must have an @-sign."),
            ("@example.com", "something before"),
            ("jane@", "something after"),
            ("ja ne@example.com", "before the @-sign: SPACE."),
            ("a@b@example.com", "before the @-sign: '@'."),
            ("jane@exa_mple.com", "invalid characters: '_'."),
            (".jane@example.com", "start with a period"),
            ("jane.@example.com", "before the @-sign"),
            ("jane@.example.com", "after the @-sign"),
            ("jane@example.com.", "end with a period"),
            ("ja..ne@example.com", "two periods"),
            ("jane@-example.com", "hyphen immediately"),
            ("jane@example-.com", "next to each other"),
            ("jane@localhost", "should have a period"),
        ] {
            let told = check(bad).expect_err(bad);
            assert!(told.contains(why), "{bad}: {told}");
        }
        let long = format!("{}@example.com", "a".repeat(66));
        assert!(check(&long).is_err_and(|told| told.ends_with("(2 characters too many).")));
        assert!(check(&format!("a@{}.de", "b.".repeat(200) + "c")).is_err());
    }
}

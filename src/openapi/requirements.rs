//! What a dependency chain requires of a request, for the document.

use crate::openapi::{document_error, stand_in};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw, SecurityScheme};
use serde_json::Value;
use std::collections::BTreeMap;

/// A chain's schemes, scopes, parameters and error responses.
#[derive(Debug, Default)]
pub struct Requirements {
    schemes: Vec<Requirement>,
    parameters: Vec<Parameters>,
    responses: Vec<(u16, &'static str)>,
}

/// Adds parameters to an operation, and the types that they refer to to the document.
type Parameters = (fn(&mut DefaultOperationRaw), fn(&mut BTreeMap<String, DefaultSchemaRaw>));

#[derive(Debug)]
struct Requirement {
    name: &'static str,
    object: Value,
    scopes: Vec<&'static str>,
    optional: bool,
    /// A scheme that does instead; it has no scopes of its own.
    instead: Option<(&'static str, Value)>,
}

impl Requirements {
    /// A scheme with its Security Scheme Object, and the scopes required of it.
    pub fn add(&mut self, name: &'static str, object: Value, scopes: &[&'static str]) {
        // Only oauth2 and openIdConnect may list scopes (OpenAPI 3.0.3 §4.7.30).
        let lists = matches!(object["type"].as_str(), Some("oauth2" | "openIdConnect"));
        let scopes = if lists { scopes.to_vec() } else { Vec::new() };
        self.schemes.push(Requirement { name, object, scopes, optional: false, instead: None });
        self.responses.push((401, "Not authenticated"));
    }

    /// Adds a scheme that does instead of the one added last.
    pub fn add_alternative(&mut self, name: &'static str, object: Value) {
        if let Some(last) = self.schemes.last_mut() {
            last.instead = Some((name, object));
        }
    }

    /// Adds requirements that hold only if credentials are present.
    pub fn add_optional(&mut self, add: impl FnOnce(&mut Self)) {
        let first = self.schemes.len();
        add(self);
        for requirement in &mut self.schemes[first..] {
            requirement.optional = true;
        }
    }

    /// Adds a step's error responses.
    pub fn add_responses(&mut self, responses: &[(u16, &'static str)]) {
        self.responses.extend(responses);
    }

    /// Adds the parameters that an extractor reads.
    pub fn add_parameters<E: OperationModifier>(&mut self) {
        self.parameters.push((E::update_parameter, E::update_definitions));
    }

    /// Adds the parameters and error responses to an operation.
    pub fn document_operation(&self, operation: &mut DefaultOperationRaw) {
        for (add, _) in &self.parameters {
            add(operation);
        }
        for (status, example) in &self.responses {
            document_error(operation, *status, example);
        }
    }

    /// Merges the requirements into an operation, all in ONE map.
    ///
    /// paperclip itself writes a map per extractor, which the document reads as OR.
    pub fn document_security(&self, operation: &mut DefaultOperationRaw) {
        if self.schemes.is_empty() {
            return;
        }
        if operation.security.is_empty() {
            operation.security.push(BTreeMap::new());
        }
        for requirement in &self.schemes {
            let without = requirement.optional.then(|| operation.security.clone());
            let mut others = Vec::new();
            for alternative in &mut operation.security {
                if let Some((instead, _)) = &requirement.instead {
                    if alternative.contains_key(*instead) {
                        continue;
                    }
                    if !alternative.contains_key(requirement.name) {
                        let mut other = alternative.clone();
                        other.insert((*instead).to_owned(), Vec::new());
                        others.push(other);
                    }
                }
                let scopes = alternative.entry(requirement.name.to_owned()).or_default();
                for scope in &requirement.scopes {
                    if !scopes.iter().any(|known| known == scope) {
                        scopes.push((*scope).to_owned());
                    }
                }
            }
            operation.security.extend(others);
            operation.security.extend(without.into_iter().flatten());
        }
    }

    /// Adds the types of the parameters to the document.
    pub fn document_definitions(&self, map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        for (_, define) in &self.parameters {
            define(map);
        }
    }

    /// Adds the schemes to the document, each as a stand-in for its `OpenAPI` 3 object.
    pub fn document_schemes(&self, map: &mut BTreeMap<String, SecurityScheme>) {
        for requirement in &self.schemes {
            let stand_in = stand_in::security_scheme(&requirement.object);
            map.insert(requirement.name.to_owned(), stand_in);
            if let Some((name, object)) = &requirement.instead {
                map.insert((*name).to_owned(), stand_in::security_scheme(object));
            }
        }
    }
}

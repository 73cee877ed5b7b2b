//! Methods of gRPC services, as the schema's `@grpc` writes them.

use std::fmt;

/// A method of a gRPC service: `acme.projects.v1.Projects/GetProject`.
///
/// Names are compared whole and by case: gRPC dispatches by the text of the path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrpcMethod {
    service: String,
    name: String,
}

impl GrpcMethod {
    /// Reads `package.Service/Method`. A service without package is `Service/Method`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (service, name) = text.split_once('/').ok_or("a gRPC method is a service and a method")?;
        if !service.split('.').all(is_identifier) {
            return Err("the name of a service is made of identifiers, with dots between");
        }
        if !is_identifier(name) {
            return Err("the name of a method is one identifier");
        }
        Ok(Self { service: service.to_owned(), name: name.to_owned() })
    }

    /// The service, with its package: `acme.projects.v1.Projects`.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The name of the method in its service.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path by which it is called: `/acme.projects.v1.Projects/GetProject`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/{self}")
    }
}

impl fmt::Display for GrpcMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.name)
    }
}

/// An identifier of the protocol buffers language.
fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_a_service_with_its_package_and_a_name() {
        let method = GrpcMethod::parse("acme.projects.v1.Projects/GetProject").unwrap();
        assert_eq!((method.service(), method.name()), ("acme.projects.v1.Projects", "GetProject"));
        assert_eq!(method.path(), "/acme.projects.v1.Projects/GetProject");
        assert_eq!(GrpcMethod::parse("Projects/Get_2").unwrap().to_string(), "Projects/Get_2");
        for text in [
            "",
            "Projects",
            "Projects/",
            "/GetProject",
            "/acme.Projects/GetProject",
            "acme.Projects/GetProject/",
            "acme.Projects/Get/Project",
            "acme..Projects/GetProject",
            ".acme.Projects/GetProject",
            "acme.Projects/Get Project",
            "acme.Projects/{method}",
            "acme.Projects/*",
            "acme.1st/GetProject",
            "acme.Projects/Gét",
            "POST /acme.Projects/GetProject",
        ] {
            assert!(GrpcMethod::parse(text).is_err(), "{text:?}");
        }
    }
}

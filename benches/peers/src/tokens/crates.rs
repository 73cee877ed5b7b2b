//! The others. Each gets the keys of the issuer as its key set, and is told about issuer and audience what it can be told.

use std::hint::black_box;
use std::rc::Rc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use huskarl_resource_server::core::Error;
use huskarl_resource_server::core::http::{HttpClient, HttpResponse, Idempotency};
use huskarl_resource_server::core::platform::MaybeSendBoxFuture;
use huskarl_resource_server::validator::rfc9068::Rfc9068Validator;
use jsonwebtoken::{DecodingKey, Validation};
use jwt_authorizer::JwtAuthorizer;
use oauth_resource_server::{KeyNaming, OAuthConfig, OAuthValidator};
use portcullis_testkit::TestIssuer;
use serde_json::{Map, Value};

use super::{AUDIENCE, ISSUER, Library};
use crate::measure::ready;

/// For one key that is chosen already.
pub fn jsonwebtoken(issuer: &TestIssuer) -> Library {
    let key = DecodingKey::from_jwk(&serde_json::from_value(issuer.jwk()).unwrap()).unwrap();
    let mut validation = Validation::new(issuer.algorithm().as_str().parse().unwrap());
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    let rules = Rc::new((key, validation));
    Box::new(move |token| {
        let (rules, token) = (Rc::clone(&rules), token.to_owned());
        Box::new(move || {
            let (key, validation) = &*rules;
            black_box(jsonwebtoken::decode::<Map<String, Value>>(black_box(&token), key, validation)).is_ok()
        })
    })
}

pub fn huskarl(issuer: &TestIssuer) -> Library {
    let builder = Rfc9068Validator::builder()
        .with_claims::<Map<String, Value>>()
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .jwks_uri(format!("{ISSUER}/jwks").parse().unwrap())
        .jwks_source(Published(issuer.jwks().to_string()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let validator = Rc::new(runtime.block_on(builder.build()).unwrap());
    Box::new(move |token| {
        let validator = Rc::clone(&validator);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
        let target = Uri::from_static("https://api.example.com/projects/apollo");
        Box::new(move || {
            let result = ready(validator.validate_request(black_box(&headers), &Method::GET, &target, None));
            result.outcome.is_ok_and(|found| found.is_some())
        })
    })
}

/// A server that publishes keys, without a network.
struct Published(String);

impl HttpClient for Published {
    fn execute(&self, _: Request<Bytes>, _: Idempotency) -> MaybeSendBoxFuture<'_, Result<HttpResponse, Error>> {
        let body = Bytes::from(self.0.clone());
        Box::pin(async { Ok(HttpResponse { status: StatusCode::OK, headers: HeaderMap::new(), body }) })
    }
}

pub fn oauth_resource_server(issuer: &TestIssuer) -> Library {
    let config = OAuthConfig {
        enabled: true,
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        resource: AUDIENCE.to_owned(),
        required_scope: Some("read:projects".to_owned()),
        require_at_jwt: true,
        ..Default::default()
    };
    let config = config.resolve(KeyNaming::Dotted("oauth")).unwrap().unwrap();
    let keys = issuer.jwks().to_string();
    let validator = Rc::new(OAuthValidator::builder(&config).initial_jwks(&keys).build().unwrap());
    Box::new(move |token| {
        let (validator, token) = (Rc::clone(&validator), token.to_owned());
        Box::new(move || ready(validator.validate(black_box(&token))).is_ok())
    })
}

pub fn jwt_authorizer(issuer: &TestIssuer) -> Library {
    let validation = jwt_authorizer::Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]);
    let keys = issuer.jwks().to_string();
    let builder = JwtAuthorizer::<Map<String, Value>>::from_jwks_text(&keys).validation(validation);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let authorizer = Rc::new(runtime.block_on(builder.build()).unwrap());
    Box::new(move |token| {
        let (authorizer, token) = (Rc::clone(&authorizer), token.to_owned());
        Box::new(move || ready(authorizer.check_auth(black_box(&token))).is_ok())
    })
}

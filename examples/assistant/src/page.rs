//! The page on which a person approves.

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

/// The page, at `/`. It is whole: the browser loads nothing for it, and runs no script but the one in it.
///
/// # Errors
///
/// If the page has no style or no script.
pub(crate) fn routes() -> Result<Router, Box<dyn std::error::Error + Send + Sync>> {
    let hash = |element| inside(PAGE, element).map(|text| STANDARD.encode(digest(&SHA256, text.as_bytes())));
    let (style, script) = hash("style").zip(hash("script")).ok_or("the page has no style or no script")?;
    // No other page can frame it, and have a click land on a button that nobody sees.
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    );
    let policy = HeaderValue::from_str(&policy)?;
    let page = move || async move {
        let fields = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_SECURITY_POLICY, policy),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        (fields, PAGE).into_response()
    };
    Ok(Router::new().route("/", get(page)))
}

/// What stands inside of the only `element` of `html`.
fn inside<'a>(html: &'a str, element: &str) -> Option<&'a str> {
    let (_, rest) = html.split_once(&format!("<{element}>"))?;
    rest.split_once(&format!("</{element}>")).map(|(text, _)| text)
}

const PAGE: &str = include_str!("../page/index.html");

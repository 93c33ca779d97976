//! What would happen to a request.

use super::Api;
use super::error::ApiError;
use super::read::Given;
use super::who::Asker;
use crate::exchange::Who;
use crate::exchange::explain::{Explanation, Question, explain as answer};
use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    url: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<Sent>,
    #[serde(default)]
    member: Option<String>,
}

/// A body that may not be text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sent {
    Text(String),
    Base64 { base64: String },
}

pub async fn explain(
    State(api): State<Api>,
    asker: Asker,
    Given(asked): Given<Asked>,
) -> Result<Json<Explanation>, ApiError> {
    let who = asker.sees(&api.house, asked.member.as_deref())?;
    let question = Question { who, ..question(asked)? };
    answer(api.house.rooms(), question).await.map(Json).map_err(ApiError::failed)
}

fn question(asked: Asked) -> Result<Question, ApiError> {
    let uri: Uri = asked.url.parse().map_err(|_| ApiError::usage("that is not a URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.authority().is_none() {
        return Err(ApiError::usage("an http or https URL, as in https://shop.example/path"));
    }
    let body = match asked.body {
        None => Vec::new(),
        Some(Sent::Text(text)) => text.into_bytes(),
        Some(Sent::Base64 { base64 }) => {
            STANDARD.decode(base64).map_err(|_| ApiError::usage("the body is not base64"))?
        }
    };
    let usual = if body.is_empty() { Method::GET } else { Method::POST };
    let method = match asked.method {
        Some(method) => method.parse().map_err(|_| ApiError::usage("that is not a method"))?,
        None => usual,
    };
    if method == Method::CONNECT {
        return Err(ApiError::usage("CONNECT only opens a tunnel; ask about the request inside it"));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in asked.headers {
        let field = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(&value).ok());
        let (name, value) = field.ok_or_else(|| ApiError::usage("a header is written NAME: VALUE"))?;
        headers.append(name, value);
    }
    let who = Who::guest();
    Ok(Question { who, uri, method, headers, body: body.into() })
}

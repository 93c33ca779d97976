//! Bodies and queries, read strictly; what does not read is a problem like any other and is not repeated.

use super::Api;
use super::error::ApiError;
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;

/// A JSON body.
pub struct Given<T>(pub T);

/// The query.
pub struct Wanted<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Given<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let read = Json::<T>::from_request(request, api).await;
        read.map(|Json(body)| Self(body))
            .map_err(|_| ApiError::usage("the body is not what /openapi.json describes"))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Api> for Wanted<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let read = Query::<T>::from_request_parts(parts, api).await;
        read.map(|Query(query)| Self(query))
            .map_err(|_| ApiError::usage("the query is not what /openapi.json describes"))
    }
}

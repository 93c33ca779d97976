//! What a signature over the request covers. Covered parts go as they are, and the record says so.

use crate::model::SignedParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Looks for the signature schemes that edits would break.
pub fn signed_parts(headers: &HeaderMap, target: &str) -> SignedParts {
    if let Some(authorization) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        if authorization.starts_with("AWS4-") {
            return aws_sigv4(headers, authorization);
        }
        // RFC 5849 section 3.4.1: the base string takes in the query and a urlencoded body.
        if authorization.starts_with("OAuth ") && authorization.contains("oauth_signature") {
            return SignedParts {
                scheme: Some("oauth1"),
                target: true,
                body: true,
                ..SignedParts::default()
            };
        }
    }
    if target.contains("X-Amz-Signature=") || target.contains("x-amz-signature=") {
        return SignedParts { scheme: Some("aws-sigv4"), target: true, ..SignedParts::default() };
    }
    if let Some(input) = headers.get("signature-input") {
        return message_signature(input.to_str().unwrap_or_default());
    }
    if headers.contains_key("dpop") {
        // RFC 9449 section 4.2: `htu` is the target without query and fragment, so only the path is bound; the query
        // goes with it here because it is the same byte string.
        return SignedParts { scheme: Some("dpop"), target: true, ..SignedParts::default() };
    }
    SignedParts::default()
}

/// AWS Signature Version 4: the target always, the named fields, the body unless its hash says otherwise.
fn aws_sigv4(headers: &HeaderMap, authorization: &str) -> SignedParts {
    let named = authorization
        .split("SignedHeaders=")
        .nth(1)
        .and_then(|rest| rest.split([',', ' ']).next())
        .map(|list| list.split(';').map(str::to_ascii_lowercase).collect())
        .unwrap_or_default();
    let unsigned = headers.get("x-amz-content-sha256").is_some_and(|hash| hash == "UNSIGNED-PAYLOAD");
    SignedParts {
        scheme: Some("aws-sigv4"),
        target: true,
        body: !unsigned,
        headers: named,
        ..SignedParts::default()
    }
}

/// RFC 9421 section 2: covered components are quoted; derived ones begin with `@`.
fn message_signature(input: &str) -> SignedParts {
    let mut parts = SignedParts { scheme: Some("http-message-signatures"), ..SignedParts::default() };
    for component in input.split('"').skip(1).step_by(2) {
        match component {
            "@target-uri" | "@request-target" | "@path" | "@query" | "@query-param" => parts.target = true,
            derived if derived.starts_with('@') => {}
            // RFC 9530: these two stand for the body.
            "content-digest" | "repr-digest" => {
                parts.body = true;
                parts.headers.push(component.to_owned());
            }
            field => parts.headers.push(field.to_ascii_lowercase()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn sigv4_covers_target_named_fields_and_body() {
        let headers = with(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=content-type;host;x-amz-date, Signature=00",
        );
        let parts = signed_parts(&headers, "/");
        assert!(
            parts.target && parts.body && parts.covers_header("x-amz-date") && !parts.covers_header("accept")
        );
    }

    #[test]
    fn message_signatures_cover_what_they_name() {
        let parts = signed_parts(
            &with("signature-input", r#"s=("@method" "@path" "content-digest" "date");created=1"#),
            "/",
        );
        assert!(parts.target && parts.body && parts.covers_header("date") && !parts.covers_header("accept"));
        let parts = signed_parts(&with("signature-input", r#"s=("@method");created=1"#), "/");
        assert!(!parts.target && !parts.body);
    }

    #[test]
    fn plain_requests_are_not_signed() {
        assert_eq!(signed_parts(&with("authorization", "Bearer x"), "/?a=1"), SignedParts::default());
    }
}

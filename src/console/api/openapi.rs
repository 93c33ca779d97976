//! The API's own description: `openapi.json` beside this file, kept by hand and held to the router by a test.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

const DOCUMENT: &str = include_str!("openapi.json");

pub async fn document() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use super::super::{Api, router, routes};
    use super::DOCUMENT;
    use crate::config::Config;
    use crate::config::schema::Profile;
    use crate::gateway::{House, Seams};
    use crate::vault::Home;
    use axum::body::Body;
    use axum::{Router, http};
    use http::{Method, Request, header};
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;
    use tower::ServiceExt;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    fn house() -> (tempfile::TempDir, Arc<House>) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).unwrap();
        let mut config = Config::defaults(Profile::Household);
        config.settings.trackers.lists.clear();
        (dir, House::open(home, config, Seams::default()).unwrap())
    }

    /// Paths and methods as the router has them: a method that no path takes is answered with those it takes.
    async fn served(house: &Arc<House>) -> BTreeSet<(String, String)> {
        let mut served = BTreeSet::new();
        for (path, methods) in routes() {
            let one = Router::new().route(path, methods).with_state(Api { house: Arc::clone(house) });
            let request = Request::builder().method(Method::TRACE).uri(path).body(Body::empty()).unwrap();
            let allowed =
                one.oneshot(request).await.unwrap().headers()[header::ALLOW].to_str().unwrap().to_owned();
            let methods = allowed.split(',').filter(|method| *method != "HEAD");
            served.extend(methods.map(|method| (path.to_owned(), method.to_ascii_lowercase())));
        }
        served
    }

    #[tokio::test]
    async fn the_document_has_every_route_and_no_other() {
        let (_dir, house) = house();
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let written: BTreeSet<_> = paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone()))
            })
            .collect();
        assert_eq!(written, served(&house).await);
        house.close(std::time::Duration::ZERO).await;
    }

    #[test]
    fn every_operation_is_described_and_every_reference_leads_somewhere() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(
                    operation["summary"].is_string() && operation["responses"].is_object(),
                    "{method} {path}"
                );
                assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
                let in_path = path.matches('{').count();
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                assert_eq!(parameters.filter(|one| one["in"] == "path").count(), in_path, "{method} {path}");
            }
        }
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    async fn ask(house: &Arc<House>, method: Method, path: &str, body: &Value) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = router(Arc::clone(house)).oneshot(request).await.unwrap();
        assert!(response.status().is_success(), "{path} {}", response.status());
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    /// Every required field is there and no other than the documented ones.
    fn agrees(document: &Value, schema: &str, answer: &Value) {
        let schema = &document["components"]["schemas"][schema];
        let known = schema["properties"].as_object().unwrap();
        let fields = answer.as_object().unwrap();
        for required in schema["required"].as_array().unwrap() {
            assert!(fields.contains_key(required.as_str().unwrap()), "{required} {answer}");
        }
        for field in fields.keys() {
            assert!(known.contains_key(field), "{field}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn answers_have_the_fields_the_document_promises() {
        let (_dir, house) = house();
        let document = document();
        let member = json!({ "name": "ann", "values": { "username": "annreal77", "email.primary": "a@home.example" } });
        ask(&house, Method::POST, "/members", &member).await;
        let issue = json!({ "slot": "username" });
        let issued = ask(&house, Method::POST, "/personas/shop.example/issue", &issue).await;
        agrees(&document, "Pseudonym", &issued);
        let explain = json!({ "url": "https://shop.example/?utm_source=x", "body": "u=annreal77" });
        let whole = BTreeMap::from([
            ("Status", ask(&house, Method::GET, "/status", &json!({})).await),
            ("Configuration", ask(&house, Method::GET, "/config", &json!({})).await),
            ("Checked", ask(&house, Method::POST, "/config/check", &json!({})).await),
            ("Persona", ask(&house, Method::GET, "/personas/shop.example", &json!({})).await),
            ("Vendor", ask(&house, Method::GET, "/vendors/shop.example", &json!({})).await),
            ("Report", ask(&house, Method::POST, "/ledger/verify", &json!({})).await),
            ("Stats", ask(&house, Method::GET, "/ledger/stats", &json!({})).await),
            ("Authority", ask(&house, Method::GET, "/ca", &json!({})).await),
            ("Explanation", ask(&house, Method::POST, "/explain", &explain).await),
        ]);
        for (schema, answer) in &whole {
            agrees(&document, schema, answer);
        }
        let members = ask(&house, Method::GET, "/members", &json!({})).await;
        agrees(&document, "Member", &members["members"][0]);
        agrees(&document, "Edit", &whole["Explanation"]["edits"][0]);
        house.close(std::time::Duration::ZERO).await;
    }
}

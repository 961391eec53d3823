//! `/openapi.json` and `/docs`: whole, of this program, and without help from elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use facerec::http::middleware::auth::Access;
use facerec::keys::backend::KeysFile;
use facerec::keys::file::to_toml;
use facerec::keys::{KeyEntry, Scope};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::app::{Service, request};

fn description() -> Value {
    Service::empty(&[]).get("/openapi.json").expect(200)
}

/// Each operation with its address and method.
fn operations(api: &Value) -> Vec<(String, String, Value)> {
    let paths = api["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, o)| (path.clone(), method.clone(), o.clone()))
    });
    operations.collect()
}

#[test]
fn the_documentation_can_be_turned_off() {
    for (arguments, status) in [(&[][..], 200), (&["--no-docs"][..], 404)] {
        let service = Service::empty(arguments);
        assert_eq!(service.get("/openapi.json").status, status, "{arguments:?}");
        assert_eq!(service.get("/docs/").status, status, "{arguments:?}");
    }
}

#[test]
fn every_address_is_described() {
    let api = description();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(api["info"]["title"], "facerec");
    let mut found: Vec<String> = operations(&api)
        .iter()
        .map(|(path, method, _)| format!("{} {path}", method.to_uppercase()))
        .collect();
    found.sort();
    let expected = [
        "DELETE /v1/people/{person_id}",
        "DELETE /v1/people/{person_id}/photos/{photo_id}",
        "GET /healthz",
        "GET /readyz",
        "GET /v1/people",
        "GET /v1/people/{person_id}",
        "GET /v1/roster",
        "PATCH /v1/people/{person_id}",
        "POST /recognize_faces",
        "DELETE /v1/audit/dismissals/{key}",
        "GET /v1/audit",
        "POST /v1/people/{person_id}/merge",
        "POST /v1/people/{person_id}/photos/{photo_id}/move",
        "PUT /v1/audit/dismissals/{key}",
        "DELETE /v1/groups/{name}",
        "DELETE /v1/people/{person_id}/attendance",
        "DELETE /v1/sessions/{session_id}",
        "GET /v1/attendance",
        "GET /v1/groups",
        "GET /v1/groups/{name}",
        "GET /v1/people/{person_id}/attendance",
        "GET /v1/people/{person_id}/groups",
        "PUT /v1/people/{person_id}/groups",
        "GET /v1/sessions",
        "GET /v1/sessions/{session_id}",
        "PATCH /v1/sessions/{session_id}",
        "PATCH /v1/sessions/{session_id}/entries/{person_id}",
        "POST /v1/sessions",
        "POST /v1/sessions/{session_id}/close",
        "POST /v1/sessions/{session_id}/photos",
        "PUT /v1/groups/{name}",
        "GET /v1/webhooks/dead-letters",
        "POST /v1/webhooks/dead-letters/resend",
        "POST /v1/detect",
        "POST /v1/people",
        "POST /v1/people/{person_id}/photos",
        "POST /v1/recognize",
        "POST /v1/verify",
        "PUT /v1/roster",
        "GET /v1/roster/versions",
        "POST /v1/roster/versions/{version_id}/restore",
    ];
    for address in expected {
        assert!(found.contains(&address.to_owned()), "{address} is not in {found:?}");
    }
}

#[test]
fn operations_say_their_scope_and_their_errors() {
    let api = description();
    let mut ids: Vec<Value> = operations(&api).iter().map(|(.., o)| o["operationId"].clone()).collect();
    let count = ids.len();
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), count, "each operation has an id of its own: {ids:?}");
    let schemes = &api["components"]["securitySchemes"];
    assert_eq!(
        (&schemes["bearer"]["scheme"], &schemes["api_key"]["name"]),
        (&json!("bearer"), &json!("X-Api-Key"))
    );
    for (path, method, operation) in operations(&api).into_iter().filter(|(path, ..)| path.starts_with("/v1"))
    {
        let at = format!("{method} {path}");
        let managed = [
            "/v1/people",
            "/v1/roster",
            "/v1/audit",
            "/v1/attendance",
            "/v1/groups",
            "/v1/sessions",
            "/v1/webhooks",
        ];
        // A camera adds photos to a session, which it finds in the list.
        let of_camera = ["get /v1/sessions", "post /v1/sessions/{session_id}/photos"].contains(&at.as_str());
        let manages = managed.iter().any(|group| path.starts_with(group)) && !of_camera;
        let scope = format!("Scope: `{}`", if manages { "manage" } else { "recognize" });
        assert!(operation["description"].as_str().unwrap().contains(&scope), "{at}");
        assert!(operation["summary"].is_string() && operation["operationId"].is_string(), "{at}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{at} {status}");
            if status.as_str() >= "400" {
                let schema = &response["content"]["application/problem+json"]["schema"];
                let codes = schema["allOf"][1]["properties"]["code"]["enum"].as_array();
                assert!(codes.is_some_and(|codes| !codes.is_empty()), "{at} {status}: {response}");
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["description"].as_str().unwrap().is_empty(), "{at}: {parameter}");
            assert_eq!(parameter["required"], parameter["in"] == "path", "{at}: {parameter}");
        }
    }
    let threshold = &api["paths"]["/v1/recognize"]["post"]["parameters"][0];
    assert_eq!(threshold["name"], "threshold");
    let schema = &threshold["schema"];
    assert_eq!(
        (&schema["type"], &schema["minimum"], &schema["maximum"]),
        (&json!("number"), &json!(0), &json!(2))
    );
}

/// Whether a value of this JSON type is of the schema's `type`, as far as it has one.
fn has_type(schema: &Value, value: &Value) -> bool {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |wanted: &Value| wanted == name || (wanted == "integer" && name == "number");
    match &schema["type"] {
        Value::Null => true,
        Value::Array(names) => names.iter().any(is),
        one => is(one),
    }
}

#[test]
fn every_enumeration_is_of_its_own_type_also_where_schemas_are_combined() {
    fn check(schema: &Value, found: &mut usize) {
        let members = schema["allOf"].as_array().into_iter().flatten().chain([schema]);
        let members: Vec<&Value> = members.collect();
        let values = members.iter().filter_map(|member| member["enum"].as_array()).flatten();
        for value in values {
            *found += 1;
            assert!(members.iter().all(|member| has_type(member, value)), "{value} is none of {schema}");
        }
        match schema {
            Value::Object(inner) => inner.values().for_each(|inner| check(inner, found)),
            Value::Array(inner) => inner.iter().for_each(|inner| check(inner, found)),
            _ => {}
        }
    }
    let api = description();
    let mut found = 0;
    check(&api, &mut found);
    assert!(found > 10, "{found}");
    let force = &api["components"]["schemas"]["NewPerson"]["properties"]["force"];
    assert_eq!(force["enum"], json!([true, false, "true", "false"]), "{force}");
    assert!(force["description"].as_str().unwrap().contains("`no_face`"), "{force}");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let api = description();
    let mut found = Vec::new();
    references(&api, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(api.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_browser_of_the_description_needs_no_other_server() {
    let service = Service::empty(&[]);
    let fetch = async |path: &str| {
        let request = Request::get(path).header("host", "localhost").body(axum::body::Body::empty()).unwrap();
        let response = facerec::http::router(service.state.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        String::from_utf8_lossy(&to_bytes(response.into_body(), 64 << 20).await.unwrap()).into_owned()
    };
    let page = fetch("/docs/").await;
    for (attribute, at) in
        page.match_indices("src=\"").chain(page.match_indices("href=\"")).map(|(at, a)| (a, at))
    {
        let target = page[at + attribute.len()..].split('"').next().unwrap();
        let file = target.strip_prefix("./").unwrap_or(target);
        assert!(!file.contains("//"), "{file} is elsewhere");
        fetch(&format!("/docs/{file}")).await;
    }
    let settings = fetch("/docs/swagger-initializer.js").await;
    assert!(
        settings.contains("\"/openapi.json\"") && settings.contains("\"validatorUrl\": \"none\""),
        "{settings}"
    );
    assert!(!settings.contains("http"), "{settings}");
}

/// The status of each operation below `/v1` for a client elsewhere that sends `key`.
fn statuses(service: &Service, key: Option<&str>) -> Vec<(String, u16, bool)> {
    let below_v1 = operations(&description()).into_iter().filter(|(path, ..)| path.starts_with("/v1/"));
    let statuses = below_v1.map(|(path, method, operation)| {
        let manages = operation["description"].as_str().unwrap().contains("Scope: `manage`");
        let method: Method = method.to_uppercase().parse().unwrap();
        let mut request = request(method.clone(), &path, "", Vec::new());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
        if let Some(key) = key {
            request.headers_mut().insert("x-api-key", key.parse().unwrap());
        }
        (format!("{method} {path}"), service.send(request).status, manages)
    });
    statuses.collect()
}

#[test]
fn no_address_is_left_without_its_gate() {
    let keyless = statuses(&Service::empty(&[]), None);
    assert!(keyless.iter().any(|(.., manages)| *manages) && keyless.iter().any(|(.., manages)| !manages));
    for (address, status, manages) in keyless {
        assert_eq!(status == 403, manages, "{address}: {status}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let entries = [KeyEntry::of("camera", Scope::Recognize, "facerec_camera")];
    std::fs::write(&path, to_toml(&entries).unwrap()).unwrap();
    let access = Access::new(Some(Arc::new(KeysFile::open(&path).unwrap())));
    let guarded = Service::guarded(folder, &[], access);
    for (address, status, _) in statuses(&guarded, None) {
        assert_eq!(status, 401, "{address} without a key");
    }
    for (address, status, manages) in statuses(&guarded, Some("facerec_camera")) {
        assert_eq!(status == 403, manages, "{address}: {status} with a key of scope recognize");
    }
}

#[test]
fn the_result_of_one_of_several_photos_may_be_null_as_its_problem_may() {
    let api = description();
    let schemas = api["components"]["schemas"].as_object().unwrap();
    let of_several: Vec<(&String, &Value)> =
        schemas.iter().filter(|(name, _)| name.starts_with("PhotoResult_")).collect();
    assert_eq!(of_several.len(), 2, "detection and recognition");
    for (name, schema) in of_several {
        for member in ["result", "problem"] {
            let kinds = schema["properties"][member]["oneOf"].as_array();
            let null = serde_json::json!({ "type": "null" });
            assert!(kinds.is_some_and(|kinds| kinds.contains(&null)), "{name}.{member}: {schema}");
        }
    }
}

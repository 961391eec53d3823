//! `facerec people` through a running service.

use std::collections::HashSet;

use anyhow::{anyhow, bail};
use serde_json::{Value, json};

use super::super::client::{Client, JsonResponse};
use super::super::output;
use super::change::{confirm, name_taken};
use super::read::unknown;
use crate::person_name::PersonName;

/// The person `id`, as the service has it.
///
/// # Errors
/// When there is none, or the service can't be reached or refuses.
pub(super) fn person(id: &str, service: &Client) -> anyhow::Result<Value> {
    let response = service.get(&path(id)?)?;
    if response.status == 200 { Ok(response.body) } else { Err(refusal(id, &response)) }
}

/// Gives the person `id` another name, unless somebody has it in any spelling.
pub(super) fn rename(id: &str, name: &str, service: &Client) -> anyhow::Result<()> {
    let name = PersonName::parse_new(name)?;
    let old = person(id, service)?;
    let response = service.patch(&path(id)?, &json!({ "name": name.as_str() }))?;
    let owner = response.body["person_id"].as_str().filter(|_| response.body["code"] == "name_taken");
    if let Some(owner) = owner {
        bail!(name_taken(text(&person(owner, service)?, "name"), owner));
    }
    if response.status != 200 {
        return Err(refusal(id, &response));
    }
    output::line(format_args!("renamed {} to {name}", text(&old, "name")))
}

/// Removes these people one after the other. All must be there at the beginning.
pub(super) fn remove(ids: &[String], service: &Client, yes: bool) -> anyhow::Result<()> {
    let mut seen = HashSet::new();
    let ids = ids.iter().filter(|id| seen.insert(id.as_str()));
    let people = ids.map(|id| person(id, service)).collect::<anyhow::Result<Vec<_>>>()?;
    let shown: Vec<(&str, &str)> = people.iter().map(|one| (text(one, "id"), text(one, "name"))).collect();
    if !yes {
        confirm(&shown)?;
    }
    for (id, name) in shown {
        let response = service.delete(&path(id)?)?;
        // Somebody else may have removed the person meanwhile.
        if ![204, 404].contains(&response.status) {
            return Err(refusal(id, &response));
        }
        output::line(format_args!("removed {name}"))?;
    }
    Ok(())
}

fn text<'a>(person: &'a Value, member: &str) -> &'a str {
    person[member].as_str().unwrap_or_default()
}

/// The path of a person. What can't be an id is not sent: it might lead to another resource.
fn path(id: &str) -> anyhow::Result<String> {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !plain || id.is_empty() {
        bail!(unknown(id));
    }
    Ok(format!("/v1/people/{id}"))
}

/// The error for a response that is no success.
fn refusal(id: &str, response: &JsonResponse) -> anyhow::Error {
    if response.status == 404 {
        return anyhow!(unknown(id));
    }
    let detail = response.body["detail"].as_str().unwrap_or("the service does not say why");
    anyhow!("the service refuses with status {}: {detail}", response.status)
}

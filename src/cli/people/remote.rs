//! `facerec people` through a running service.

use std::collections::HashSet;

use anyhow::{anyhow, bail};
use serde_json::{Value, json};

use super::super::client::{Answer, Client};
use super::super::output;
use super::change::{confirm, name_taken};
use super::read::unknown;
use crate::person_name::PersonName;

/// The person `id`, as the service has it.
///
/// # Errors
/// When there is none, or the service can't be reached or refuses.
pub(super) fn person(id: &str, service: &Client) -> anyhow::Result<Value> {
    let answer = service.get(&path(id)?)?;
    if answer.status == 200 { Ok(answer.body) } else { Err(refusal(id, &answer)) }
}

/// Gives the person `id` another name, unless somebody has it in any spelling.
pub(super) fn rename(id: &str, name: &str, service: &Client) -> anyhow::Result<()> {
    let name = PersonName::parse_new(name)?;
    let old = person(id, service)?;
    let answer = service.patch(&path(id)?, &json!({ "name": name.as_str() }))?;
    let owner = answer.body["person_id"].as_str().filter(|_| answer.body["code"] == "name_taken");
    if let Some(owner) = owner {
        bail!(name_taken(text(&person(owner, service)?, "name"), owner));
    }
    if answer.status != 200 {
        return Err(refusal(id, &answer));
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
        let answer = service.delete(&path(id)?)?;
        // Somebody else may have removed the person meanwhile.
        if ![204, 404].contains(&answer.status) {
            return Err(refusal(id, &answer));
        }
        output::line(format_args!("removed {name}"))?;
    }
    Ok(())
}

fn text<'a>(person: &'a Value, member: &str) -> &'a str {
    person[member].as_str().unwrap_or_default()
}

/// Where a person is. What can't be an id is not sent: it might be another address.
fn path(id: &str) -> anyhow::Result<String> {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !plain || id.is_empty() {
        bail!(unknown(id));
    }
    Ok(format!("/v1/people/{id}"))
}

/// What the service says instead.
fn refusal(id: &str, answer: &Answer) -> anyhow::Error {
    if answer.status == 404 {
        return anyhow!(unknown(id));
    }
    let detail = answer.body["detail"].as_str().unwrap_or("the service does not say why");
    anyhow!("the service refuses with status {}: {detail}", answer.status)
}

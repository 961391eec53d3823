//! `/v1/groups`: groups of people, those of the roster and those made here.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::http::extract::session_body::{GroupMembership, GroupPatch, PersonGroups};
use crate::http::problem::{ApiError, ChangeSessionProblems, DeleteSessionProblems, GroupsProblems};
use crate::http::state::AppState;
use crate::presentation::groups::{Group, Groups};

/// List groups.
///
/// Those of the roster's column `Class` or `Group`, and those made here. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "list_groups", path = "/v1/groups", tag = "attendance",
    responses((status = 200, description = "The groups", body = Groups), GroupsProblems),
)]
pub async fn list(State(app): State<AppState>) -> Result<Json<Groups>, ApiError> {
    Ok(Json(app.service.groups().await?.into()))
}

/// Get a group.
///
/// Scope: `manage`.
#[utoipa::path(
    get, operation_id = "get_group", path = "/v1/groups/{name}", tag = "attendance",
    params(("name" = String, Path, description = "Of the group", example = "7A")),
    responses((status = 200, description = "The group", body = Group), DeleteSessionProblems),
)]
pub async fn get(State(app): State<AppState>, Path(name): Path<String>) -> Result<Json<Group>, ApiError> {
    let people = app.service.group(&name).await?;
    Ok(Json(Group::new(name, &people)))
}

/// Set a group.
///
/// Exactly these people are its members; a group that is not there is made. Of people on the roster this stands until their
/// cell of the roster changes. Scope: `manage`.
#[utoipa::path(
    put, operation_id = "set_group", path = "/v1/groups/{name}", tag = "attendance",
    params(("name" = String, Path, description = "Of the group", example = "7A")),
    request_body(description = "Who belongs to it", content = GroupMembership),
    responses((status = 200, description = "The group", body = Group), ChangeSessionProblems),
)]
pub async fn put(
    State(app): State<AppState>,
    Path(name): Path<String>,
    membership: GroupMembership,
) -> Result<Json<Group>, ApiError> {
    let people = app.service.set_group(&name, membership.members).await?;
    Ok(Json(Group::new(name, &people)))
}

/// Rename a group.
///
/// Its sessions have the new name as well. A group of the roster comes back under its old name with the next change of a
/// cell that has it. Scope: `manage`.
#[utoipa::path(
    patch, operation_id = "rename_group", path = "/v1/groups/{name}", tag = "attendance",
    params(("name" = String, Path, description = "Of the group", example = "7A")),
    request_body(description = "The other name", content(
        (GroupPatch = "application/merge-patch+json"), (GroupPatch = "application/json"),
    )),
    responses((status = 200, description = "The group", body = Group), ChangeSessionProblems),
)]
pub async fn patch(
    State(app): State<AppState>,
    Path(name): Path<String>,
    patch: GroupPatch,
) -> Result<Json<Group>, ApiError> {
    let people = app.service.rename_group(&name, &patch.name).await?;
    Ok(Json(Group::new(patch.name, &people)))
}

/// Delete a group.
///
/// Its sessions and their entries stay. Scope: `manage`.
#[utoipa::path(
    delete, operation_id = "delete_group", path = "/v1/groups/{name}", tag = "attendance",
    params(("name" = String, Path, description = "Of the group", example = "7A")),
    responses((status = 204, description = "Deleted"), DeleteSessionProblems),
)]
pub async fn delete(State(app): State<AppState>, Path(name): Path<String>) -> Result<StatusCode, ApiError> {
    app.service.delete_group(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get a person's groups.
///
/// Scope: `manage`.
#[utoipa::path(
    get, operation_id = "get_person_groups", path = "/v1/people/{person_id}/groups", tag = "attendance",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    responses((status = 200, description = "The groups, in order of names", body = PersonGroups), DeleteSessionProblems),
)]
pub async fn of_person(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<PersonGroups>, ApiError> {
    Ok(Json(PersonGroups { groups: app.service.groups_of_person(&id).await? }))
}

/// Set a person's groups.
///
/// The person belongs to exactly these; groups that are not there are made. Of somebody on the roster this stands until the
/// cell of the roster changes. Scope: `manage`.
#[utoipa::path(
    put, operation_id = "set_person_groups", path = "/v1/people/{person_id}/groups", tag = "attendance",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    request_body(description = "All of the groups", content = PersonGroups),
    responses((status = 200, description = "The groups, in order of names", body = PersonGroups), ChangeSessionProblems),
)]
pub async fn set_of_person(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonGroups { groups }: PersonGroups,
) -> Result<Json<PersonGroups>, ApiError> {
    Ok(Json(PersonGroups { groups: app.service.set_groups_of_person(&id, groups).await? }))
}

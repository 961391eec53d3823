//! OpenAPI schemas of the Flask service's endpoint.

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A form of the old endpoint, for the documentation.
#[allow(dead_code, reason = "only documents the form")]
pub struct LegacyForm;

impl PartialSchema for LegacyForm {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        let file = ObjectBuilder::new().schema_type(Type::String).format(Some(binary));
        let names = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[ -~]+$"));
        ObjectBuilder::new()
            .description(Some("The photo; other parts are passed over"))
            .property("file", file)
            .required("file")
            .property_names(Some(names.build()))
            .into()
    }
}

impl ToSchema for LegacyForm {}

/// An error of the old endpoint.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only documents what the module of errors writes")]
pub struct LegacyError {
    /// What is wrong.
    #[schema(example = "No file provided: expected the photo in part `file` of the form, found no parts")]
    error: String,
}

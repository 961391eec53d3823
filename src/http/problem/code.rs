//! The catalogue of errors: code, status and meaning of each, once.
//!
//! Responses, the OpenAPI document and the tests of the page's texts are made from it.

use axum::http::StatusCode;

/// Declares [`ProblemCode`] from a table.
macro_rules! catalogue {
    ($($variant:ident = $code:literal, $status:ident, $meaning:literal;)*) => {
        /// The stable kind of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl ProblemCode {
            /// All of them, by status.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The value of `code` in the problem object.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),* }
            }

            /// What it means, for the documentation.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }
        }
    };
}

catalogue! {
    InvalidParameter = "invalid_parameter", BAD_REQUEST,
        "a value is out of range or of the wrong type; `parameter` names it";
    UnknownParameter = "unknown_parameter", BAD_REQUEST, "the query parameter is unknown";
    MissingPart = "missing_part", BAD_REQUEST, "the form lacks a part";
    InvalidRequest = "invalid_request", BAD_REQUEST, "the body or the path can't be parsed";
    Unauthorized = "unauthorized", UNAUTHORIZED, "the API key is missing or unknown";
    Forbidden = "forbidden", FORBIDDEN,
        "the API key's scope does not include this, or, on a service without keys, the client is on another machine or a page \
         of another site";
    NotFound = "not_found", NOT_FOUND, "there is no such person, photo, finding, session, group or roster";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "the `Allow` header lists the methods";
    SlowUpload = "slow_upload", REQUEST_TIMEOUT, "the upload stalled or was too slow";
    NameTaken = "name_taken", CONFLICT, "another person has the name; `person_id` identifies it";
    LastPhoto = "last_photo", CONFLICT, "it is the person's only photo";
    DataDirectoryLocked = "data_folder_locked", CONFLICT, "another process writes to the data directory";
    Conflict = "conflict", CONFLICT, "the request contradicts what is stored";
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "the body or a file in it exceeds the limit";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE,
        "the body has a media type that this route does not take";
    UnsupportedImage = "unsupported_image", UNSUPPORTED_MEDIA_TYPE, "the file is in no supported image format";
    UndecodableImage = "undecodable_image", UNPROCESSABLE_ENTITY, "the image is corrupt";
    TooManyPixels = "too_many_pixels", UNPROCESSABLE_ENTITY, "the image exceeds the pixel limit";
    NoFace = "no_face", UNPROCESSABLE_ENTITY, "a photo shows no face; `part` names it";
    SeveralFaces = "several_faces", UNPROCESSABLE_ENTITY,
        "a photo shows several faces and the request says of none that it is meant; `part` names the photo";
    NoPhotoAccepted = "no_photo_accepted", UNPROCESSABLE_ENTITY,
        "every photo was rejected; `photos` gives the reasons";
    InvalidRoster = "invalid_roster", UNPROCESSABLE_ENTITY,
        "the file is no roster with the columns `Name` and `ID`";
    Internal = "internal", INTERNAL_SERVER_ERROR, "the service failed";
    ModelError = "model_error", INTERNAL_SERVER_ERROR, "a network can't be run";
    DataError = "data_error", INTERNAL_SERVER_ERROR, "the data directory can't be read or written";
    Busy = "busy", SERVICE_UNAVAILABLE, "the queue or the upload memory is full; `Retry-After` says when to retry";
    DatabaseUnavailable = "database_unavailable", SERVICE_UNAVAILABLE,
        "the database of people can't be reached: nothing can be changed, recognition goes on; `Retry-After` says when to retry";
    Timeout = "timeout", SERVICE_UNAVAILABLE,
        "the request timed out; a change may have been made nevertheless";
}

impl ProblemCode {
    /// Whether the bytes of the image were the cause, not the way they were sent.
    #[must_use]
    pub fn is_about_the_image(self) -> bool {
        matches!(self, Self::UnsupportedImage | Self::UndecodableImage | Self::TooManyPixels)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Codes for which the page has no text of its own: it shows the problem's detail or a general text.
    const WITHOUT_OWN_TEXT: &[&str] = &[
        "invalid_parameter",
        "unknown_parameter",
        "missing_part",
        "invalid_request",
        "unauthorized",
        "forbidden",
        "method_not_allowed",
        "slow_upload",
        "conflict",
        "unsupported_media_type",
        "no_face",
        "no_photo_accepted",
        "internal",
        "model_error",
        "data_error",
        "database_unavailable",
    ];

    #[test]
    fn codes_are_unique() {
        let codes: BTreeSet<&str> = ProblemCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
    }

    #[test]
    fn the_page_has_texts_for_codes_of_the_catalogue_only() {
        let script = include_str!("../../web/words.js");
        let table = script.split_once("const PROBLEMS = {").unwrap().1.split_once("\n};").unwrap().0;
        let own = table.lines().filter_map(|line| line.trim().split_once(": ").map(|(code, _)| code));
        let mut covered: Vec<&str> = own.chain(WITHOUT_OWN_TEXT.iter().copied()).collect();
        covered.sort_unstable();
        let mut all: Vec<&str> = ProblemCode::ALL.iter().map(|code| code.code()).collect();
        all.sort_unstable();
        assert_eq!(covered, all);
        let complete =
            script.split_once("const COMPLETE = new Set([").unwrap().1.split_once("]);").unwrap().0;
        for code in complete.split(", ").map(|code| code.trim_matches('"')) {
            assert!(all.contains(&code), "{code}");
        }
    }
}

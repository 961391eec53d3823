//! The receivers of messages that the settings name.

use crate::attendance::Channels;
use crate::attendance::delivery::{Receiver, ReceiverOptions, WebhookSecret};
use crate::config::{AttendanceParams, WebhookParams};
use crate::error::{DataError, Operation, Result};
use crate::local_file;

/// Longest file of webhook secrets, bytes.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// For whom messages are written.
pub(super) fn channels(params: &AttendanceParams) -> Channels {
    Channels {
        webhook: params.webhook.as_ref().map(|webhook| webhook.events).unwrap_or_default(),
        legacy: params.post_url.is_some(),
    }
}

/// To whom they are delivered.
///
/// # Errors
/// [`DataError`] for a URL that can't be one, a private address that is not allowed, or secrets that can't be read.
pub(super) fn receivers(params: &AttendanceParams) -> Result<Vec<Receiver>> {
    let options = ReceiverOptions { allow_private: params.allow_private, ..ReceiverOptions::default() };
    let mut receivers = Vec::new();
    if let Some(WebhookParams { url, secret_file, .. }) = &params.webhook {
        let what = format!("the file of webhook secrets {}", secret_file.display());
        let text = local_file::read_text(secret_file, MAX_SECRET_BYTES)
            .map_err(DataError::io(&what, Operation::Read))?;
        let secrets = WebhookSecret::parse_all(&text)
            .map_err(|error| DataError::content(&what, Operation::Read, error))?;
        receivers.push(Receiver::webhook(url, secrets, options)?);
    }
    if let Some(url) = &params.post_url {
        receivers.push(Receiver::legacy(url, options)?);
    }
    Ok(receivers)
}

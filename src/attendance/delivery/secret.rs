//! Signatures as Standard Webhooks defines them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::{DataError, Result};

/// What a secret's text begins with.
const PREFIX: &str = "whsec_";
/// Length of a secret that Standard Webhooks allows, bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that receiver and sender share.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

impl WebhookSecret {
    /// A secret's text: `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for other text, which the message doesn't repeat.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = text.trim().strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
        match bytes.filter(|bytes| LENGTHS.contains(&bytes.len())) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(DataError::Invalid(format!(
                "expected a webhook secret: {PREFIX} and {} to {} bytes in base64",
                LENGTHS.start(),
                LENGTHS.end()
            ))
            .into()),
        }
    }

    /// The secrets of a file, one a line; empty lines and lines that begin with `#` are skipped. A
    /// message is signed with each, so that a secret can be replaced without a gap.
    ///
    /// # Errors
    /// [`DataError::Invalid`] naming the first bad line, or when there is none.
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let parse = |(at, line)| {
            Self::parse(line).map_err(|error| DataError::Invalid(format!("line {at}: {error}")).into())
        };
        let secrets: Vec<Self> = lines.map(parse).collect::<Result<_>>()?;
        if secrets.is_empty() {
            return Err(DataError::Invalid("expected a webhook secret, found none".to_owned()).into());
        }
        Ok(secrets)
    }

    /// The signature of a message: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp_seconds: i64, body: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.update(format!("{id}.{timestamp_seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The `webhook-signature` header: one signature for each secret.
pub(super) fn signatures(secrets: &[WebhookSecret], id: &str, timestamp_seconds: i64, body: &str) -> String {
    let signatures: Vec<String> =
        secrets.iter().map(|secret| secret.sign(id, timestamp_seconds, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// Example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn the_published_example_has_the_published_signature() {
        let secret = WebhookSecret::parse(TEXT).unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn bad_secrets_are_refused_without_repeating_them() {
        for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_%%%"] {
            let message = WebhookSecret::parse(text).unwrap_err().to_string();
            assert_eq!(message, "expected a webhook secret: whsec_ and 24 to 64 bytes in base64");
        }
        assert_eq!(format!("{:?}", WebhookSecret::parse(TEXT).unwrap()), "WebhookSecret(..)");
    }

    #[test]
    fn a_file_may_hold_the_next_secret_too() {
        let secrets = WebhookSecret::parse_all(&format!("# old\n{TEXT}\n\n{TEXT}\n")).unwrap();
        assert_eq!(signatures(&secrets, "a", 1, "{}").split(' ').count(), 2);
        let message = WebhookSecret::parse_all(&format!("{TEXT}\nnone\n")).unwrap_err().to_string();
        assert!(message.starts_with("line 2: expected a webhook secret"), "{message}");
        assert!(WebhookSecret::parse_all("# nothing\n").is_err());
    }
}

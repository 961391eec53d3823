//! Forms with files, as a browser sends them.

/// Separates the parts; no photo or text has this line by chance.
const BOUNDARY: &str = "facerec-form-5f1c6a9e2b7d4380";

/// The body of a form.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<u8>);

impl Form {
    /// With a file. The file's name keeps what a header may have.
    pub(super) fn file(self, part: &str, file_name: &str, content: &[u8]) -> Self {
        let plain: String =
            file_name.chars().map(|c| if c.is_control() || c == '"' { '_' } else { c }).collect();
        let head = format!(
            "Content-Disposition: form-data; name=\"{part}\"; filename=\"{plain}\"\r\nContent-Type: \
             application/octet-stream\r\n"
        );
        self.part(&head, content)
    }

    /// With a text.
    pub(super) fn text(self, part: &str, text: &str) -> Self {
        self.part(&format!("Content-Disposition: form-data; name=\"{part}\"\r\n"), text.as_bytes())
    }

    fn part(mut self, head: &str, content: &[u8]) -> Self {
        self.0.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n").as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// The header that belongs to each.
    pub(super) fn content_type() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// The body.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.0
    }
}

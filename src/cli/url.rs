//! The URL of a service as an argument.

/// Accepts HTTP and HTTPS URLs with a host.
pub(super) fn url(text: &str) -> Result<String, String> {
    let after_scheme = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let parsed = text.parse::<ureq::http::Uri>().ok().filter(|_| after_scheme.is_some());
    if parsed.is_some_and(|uri| uri.host().is_some_and(|host| !host.is_empty())) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected a URL like http://127.0.0.1:5000, found {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn what_names_no_http_server_is_refused_with_an_example() {
        for good in ["http://127.0.0.1:5000", "https://faces.example/readyz", "http://[::1]:5000/"] {
            assert_eq!(url(good).as_deref(), Ok(good));
        }
        for bad in
            ["", "127.0.0.1:5000", "localhost", "ftp://a.example", "http://", "http:///readyz", "http://a b"]
        {
            let message = format!("expected a URL like http://127.0.0.1:5000, found {bad:?}");
            assert_eq!(url(bad), Err(message));
        }
    }
}

//! Argument parsers for origins and names of hosts.

/// In place of a name: any.
pub const ANY: &str = "*";

/// `*`, or scheme, host and port as browsers send them in `Origin`: in lower case, without the scheme's own
/// port. What no browser sends would never match, and nobody would know why.
pub(super) fn origin(text: &str) -> Result<String, String> {
    // Lists are written with spaces after the commas, too.
    let text = text.trim();
    if text == ANY {
        return Ok(text.to_owned());
    }
    browser_origin(text).ok_or_else(|| {
        let like = "https://school.example or http://localhost:8080";
        format!("expected * or an origin like {like} (scheme, host and port, nothing else), found {text:?}")
    })
}

fn browser_origin(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://")?;
    let own_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address stand within brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().ok()?)),
        _ => (authority, None),
    };
    let marks: &[u8] = if host.starts_with('[') && host.ends_with(']') { b"[]:." } else { b"-._" };
    if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte)) {
        return None;
    }
    let port = port.filter(|port| *port != own_port).map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}://{host}{port}"))
}

/// `*`, or the name of a host as it stands in a URL, without a port: in lower case.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    let name = text.trim().to_ascii_lowercase();
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    if name == ANY || is_name(&name) {
        return Ok(name);
    }
    Err(format!("expected * or a host name like faces.school.example (no scheme, no port), found {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_have_no_scheme_and_no_port() {
        assert_eq!(host_name(" Faces.School.Example "), Ok("faces.school.example".to_owned()));
        assert_eq!(host_name("*"), Ok(ANY.to_owned()));
        for wrong in ["", "http://a.example", "a.example:5000", "a.example/", "*.example", "a b"] {
            assert!(host_name(wrong).unwrap_err().starts_with("expected * or a host name"), "{wrong}");
        }
    }
}

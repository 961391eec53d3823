//! Which requests a service without API keys takes for recognition: from whom is not checked, but through which name of
//! the service, and from which pages.
//!
//! Browsers on a network can reach services that the internet can't. A page of another site must not use them for that,
//! neither openly nor through a domain of its own that it points to the service's address (DNS rebinding). The names taken
//! for the service's own are those that nobody else can give it: addresses, names that public DNS does not hold, the
//! machine's own name, and those of the settings.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderValue;

use super::page;
use crate::config::{ANY, Compat, Config};
use crate::process::host_name;

/// Domains that are resolved within a network only: loopback (RFC 6761), mDNS (RFC 6762), home networks (RFC 8375), and
/// the one that ICANN has reserved for private use.
const PRIVATE_DOMAINS: [&str; 4] = ["localhost", "local", "home.arpa", "internal"];

/// The names and pages through which recognition may be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteRules {
    /// Names of the service, in lower case; [`ANY`] for any.
    hosts: Vec<String>,
    /// Origins whose pages may ask; [`ANY`] for any.
    origins: Vec<String>,
}

impl SiteRules {
    /// Those of the settings; `None` where there are none, in the Flask service's profile.
    #[must_use]
    pub fn of(config: &Config) -> Option<Self> {
        let own_name = host_name().map(|name| name.to_ascii_lowercase());
        let hosts = config.allowed_hosts.iter().cloned().chain(own_name).collect();
        let rules = Self { hosts, origins: config.cors_origins.clone() };
        (config.compat == Compat::Standard).then_some(rules)
    }

    /// # Errors
    /// Why the request is refused: what was expected and found.
    pub fn check(&self, request: &Request) -> Result<(), String> {
        let hosts = page::hosts(request)?;
        if let Some(host) = hosts.iter().find(|host| !self.is_own(host.host())) {
            return Err(format!(
                "expected an IP address, a name without a dot, or a name given by --allowed-host as the host, found {:?}",
                host.host()
            ));
        }
        page::check(request, &hosts, |origin| lists(&self.origins, origin))
            .map_err(|why| format!("{why}; --cors-origin allows more of them"))
    }

    fn is_own(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        let is_private = |domain: &&str| host.strip_suffix(*domain).is_some_and(|rest| rest.ends_with('.'));
        address.parse::<IpAddr>().is_ok()
            || !host.contains('.')
            || PRIVATE_DOMAINS.iter().any(is_private)
            || self.hosts.iter().any(|own| *own == host || own == ANY)
    }
}

fn lists(origins: &[String], origin: &HeaderValue) -> bool {
    origins.iter().any(|listed| listed == ANY || origin == listed)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn rules(hosts: &[&str], origins: &[&str]) -> SiteRules {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        SiteRules { hosts: owned(hosts), origins: owned(origins) }
    }

    fn passes(rules: &SiteRules, headers: &[(&str, &str)]) -> bool {
        let request =
            headers.iter().fold(Request::post("/"), |request, (name, value)| request.header(*name, *value));
        rules.check(&request.body(Body::empty()).unwrap()).is_ok()
    }

    #[test]
    fn names_that_only_the_network_can_give_the_service_are_its_own() {
        let rules = rules(&["faces.school.example"], &[]);
        for host in [
            "192.168.1.5:5000",
            "203.0.113.9",
            "[fd00::5]:5000",
            "[::1]",
            "localhost:5000",
            "school-server:5000",
            "SCHOOL-SERVER",
            "school-server.local",
            "faces.internal:5000",
            "Faces.School.Example:8080",
        ] {
            assert!(passes(&rules, &[("host", host)]), "{host}");
        }
        for host in [
            "attacker.example",
            "attacker.example:5000",
            "192.168.1.5.attacker.example",
            "localhost.attacker.example",
            "school.example",
            "notlocal.example",
            "x.faces.school.example",
            "",
            "local host",
        ] {
            assert!(!passes(&rules, &[("host", host)]), "{host}");
        }
        assert!(passes(&rules, &[]), "HTTP/1.0, no browser");
        assert!(!passes(&rules, &[("host", "localhost"), ("host", "attacker.example")]));
        assert!(passes(&SiteRules { hosts: vec![ANY.to_owned()], ..rules }, &[("host", "a.example")]));
    }

    #[test]
    fn the_own_page_and_those_of_the_listed_origins_may_ask() {
        let host = ("host", "192.168.1.5:5000");
        let rules = rules(&[], &["https://school.example"]);
        for origin in ["http://192.168.1.5:5000", "https://school.example"] {
            assert!(passes(&rules, &[host, ("origin", origin)]), "{origin}");
        }
        for origin in ["https://attacker.example", "http://192.168.1.5", "http://192.168.1.5:80", "null"] {
            assert!(!passes(&rules, &[host, ("origin", origin)]), "{origin}");
        }
        for (site, origin, allowed) in [
            ("same-origin", "http://192.168.1.5:5000", true),
            ("cross-site", "https://school.example", true),
            ("cross-site", "https://attacker.example", false),
            ("same-site", "http://192.168.1.5:80", false),
        ] {
            let headers = [host, ("origin", origin), ("sec-fetch-site", site)];
            assert_eq!(passes(&rules, &headers), allowed, "{site} {origin}");
        }
        assert!(!passes(&rules, &[host, ("sec-fetch-site", "cross-site")]), "without an origin");
        assert!(passes(&rules, &[host, ("sec-fetch-site", "none")]));
        let any = self::rules(&[], &[ANY]);
        assert!(passes(&any, &[host, ("origin", "null"), ("sec-fetch-site", "cross-site")]));
    }
}

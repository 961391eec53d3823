//! The servers of an address, of which each is tried by itself.

use std::net::IpAddr;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// Checks what the driver checks only when all servers are tried at once.
///
/// # Errors
/// What was found instead of an address that can be used.
pub(super) fn check(config: &Config) -> Result<(), &'static str> {
    let hosts = config.get_hosts().len();
    match (config.get_hostaddrs().len(), config.get_ports().len()) {
        _ if hosts == 0 => Err("one without a host"),
        (addresses, _) if addresses > 0 && addresses != hosts => {
            Err("another number of hostaddr than of hosts")
        }
        (_, ports) if ports > 1 && ports != hosts => Err("another number of ports than of hosts"),
        _ => Ok(()),
    }
}

/// One configuration a server, in the order of the address. The driver can't take a server out of one.
pub(super) fn apart(config: &Config) -> Vec<Config> {
    let of_one = |(at, host): (usize, &Host)| {
        let mut one = without_hosts(config);
        match host {
            Host::Tcp(name) => one.host(name),
            Host::Unix(path) => one.host_path(path),
        };
        config.get_hostaddrs().get(at).map(|address| one.hostaddr(*address));
        let ports = config.get_ports();
        ports.get(at).or(ports.first()).map(|port| one.port(*port));
        one
    };
    config.get_hosts().iter().enumerate().map(of_one).collect()
}

fn without_hosts(config: &Config) -> Config {
    let mut one = Config::new();
    config.get_user().map(|user| one.user(user));
    config.get_password().map(|password| one.password(password));
    config.get_dbname().map(|name| one.dbname(name));
    config.get_options().map(|options| one.options(options));
    config.get_application_name().map(|name| one.application_name(name));
    config.get_connect_timeout().map(|limit| one.connect_timeout(*limit));
    config.get_tcp_user_timeout().map(|limit| one.tcp_user_timeout(*limit));
    config.get_keepalives_interval().map(|interval| one.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
    one.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding());
    one
}

/// Whether nothing leaves the machine. Where there are addresses, they are used, whatever the names are.
pub(super) fn are_local(config: &Config) -> bool {
    config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// The names of the servers, for the log.
pub(super) fn shown(config: &Config) -> String {
    let name = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    };
    config.get_hosts().iter().map(name).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_own_port_and_all_that_is_common() {
        let url = "postgres://u:secret@a:1,b:2/d?options=-cgeqo%3Doff&keepalives=0&connect_timeout=7&channel_binding=require";
        let apart = apart(&url.parse().unwrap());
        for (at, (host, port)) in [("a", 1), ("b", 2)].into_iter().enumerate() {
            let one = url.replace("a:1,b:2", &format!("{host}:{port}"));
            assert_eq!(apart[at], one.parse::<Config>().unwrap());
        }
        let common = "host=a,b port=7 hostaddr=127.0.0.1,127.0.0.2".parse().unwrap();
        let apart = super::apart(&common);
        assert_eq!(apart[1].get_ports(), [7]);
        assert_eq!(apart[1].get_hostaddrs(), ["127.0.0.2".parse::<IpAddr>().unwrap()]);
    }
}

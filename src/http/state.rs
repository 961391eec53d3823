//! What the handlers share.

use std::sync::Arc;

use super::extract::upload::Uploads;
use super::metrics::requests::RequestMetrics;
use super::middleware::auth::Access;
use crate::config::Config;
use crate::origin::site::SiteRules;
use crate::service::Service;
use crate::upload::limits::FileLimits;

/// The service, and what HTTP adds to it.
pub struct App {
    /// The checked settings.
    pub config: Config,
    /// The application layer.
    pub service: Service,
    /// Memory and order of uploads.
    pub uploads: Arc<Uploads>,
    /// Maximum bytes of files in one body, by route.
    pub limits: FileLimits,
    /// Who may make which request.
    pub access: Arc<Access>,
    /// Counters and durations of requests.
    pub metrics: RequestMetrics,
}

/// [`App`], shared by all requests.
#[derive(Clone)]
pub struct AppState(Arc<App>);

impl AppState {
    /// The state of a router in front of `service`.
    #[must_use]
    pub fn new(config: Config, service: Service, access: Access) -> Self {
        Self(Arc::new(App {
            service,
            uploads: Arc::new(Uploads::new(&config)),
            limits: FileLimits::from(&config),
            access: Arc::new(access.with_sites(SiteRules::of(&config))),
            metrics: RequestMetrics::default(),
            config,
        }))
    }
}

impl std::ops::Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

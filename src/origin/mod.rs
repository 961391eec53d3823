//! Where a request comes from: this machine or another one, through which name of the service, from which page.

pub mod local;
mod page;
pub mod site;

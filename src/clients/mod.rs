//! Who is counted as one client, and what one client may take of what all share.

pub mod network;
pub mod proxies;
pub mod shares;

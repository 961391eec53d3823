//! What the drivers `hostile` and `soak` share: the server that they run, and the client that they are.

pub(crate) mod arguments;
pub(crate) mod client;
pub(crate) mod random;
pub(crate) mod server;

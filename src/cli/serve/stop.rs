//! The signal to stop, from the first moment on: a container's first process has no default for it, and
//! would not end.

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinError;

use crate::server::stop_signal;

/// Whether SIGTERM or SIGINT came.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens for the signals from now on.
    ///
    /// # Errors
    /// When the system gives no signal handler.
    pub(super) fn install(runtime: &Runtime) -> std::io::Result<Self> {
        let entered = runtime.enter();
        let signal = stop_signal()?;
        drop(entered);
        let (sender, receiver) = watch::channel(false);
        runtime.spawn(async move {
            signal.await;
            sender.send_replace(true);
        });
        Ok(Self(receiver))
    }

    /// For work that looks now and then.
    pub(super) fn came(&self) -> bool {
        *self.0.borrow()
    }

    /// What `work` returns, which runs on a thread of its own; `None` when a signal comes before. The work is then left behind,
    /// and `runtime` is not to be dropped, which would wait for it.
    ///
    /// # Errors
    /// When the work panics.
    pub(super) fn unless_came<T: Send + 'static>(
        &self,
        runtime: &Runtime,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Option<T>, JoinError> {
        let (stop, work) = (self.clone(), runtime.spawn_blocking(work));
        runtime.block_on(async {
            tokio::select! {
                () = stop.wait() => Ok(None),
                done = work => done.map(Some),
            }
        })
    }

    /// Completes when one comes, at once if one came.
    pub(super) async fn wait(mut self) {
        // The sender ends only with the runtime, and this with it.
        let _ = self.0.wait_for(|came| *came).await;
    }
}

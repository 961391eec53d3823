//! The service in this process on a real socket, with networks that work as long as a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::JoinHandle;

use facerec::config::Config;
use facerec::error::Result;
use facerec::http::middleware::auth::Access;
use facerec::http::router;
use facerec::http::state::AppState;
use facerec::imaging::{RgbView, Window};
use facerec::nn::{DetectorNets, FaceInput, FaceNet, LevelSize, OnetOutput, Proposal, Refinement};
use facerec::server::serve;
use facerec::server::tls::Tls;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::app::{config, models_of, state};
use super::server::PATIENCE;

/// A photo this wide makes the networks panic.
pub const PANICS_AT_WIDTH: usize = 31;

/// Networks that see no faces. Photos wait in them at a gate.
#[derive(Default)]
pub struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    open: bool,
    arrived: usize,
}

impl Gate {
    /// Lets all photos through that wait or will come.
    pub fn open(&self) {
        self.state.lock().unwrap().open = true;
        self.changed.notify_all();
    }

    /// How many photos have come to the networks.
    pub fn arrived(&self) -> usize {
        self.state.lock().unwrap().arrived
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.arrived += 1;
        drop(self.changed.wait_while(state, |state| !state.open).unwrap());
    }
}

impl DetectorNets for Gate {
    fn pnet(&self, photo: RgbView<'_>, levels: &[LevelSize], _: f32) -> Result<Vec<Vec<Proposal>>> {
        assert_ne!(photo.width, PANICS_AT_WIDTH, "on purpose");
        self.pass();
        Ok(vec![Vec::new(); levels.len()])
    }

    fn rnet(&self, _: RgbView<'_>, windows: &[Window], _: f32) -> Result<Vec<Option<Refinement>>> {
        assert!(windows.is_empty());
        Ok(Vec::new())
    }

    fn onet(&self, _: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>> {
        assert!(windows.is_empty());
        Ok(Vec::new())
    }
}

impl FaceNet for Gate {
    fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
        assert!(faces.is_empty());
        Ok(Vec::new())
    }
}

/// A service that listens. It is stopped when dropped.
pub struct Listening {
    pub address: SocketAddr,
    pub app: AppState,
    pub gate: Arc<Gate>,
    stop: Option<oneshot::Sender<()>>,
    finished: Option<JoinHandle<bool>>,
    _data: TempDir,
}

impl Listening {
    /// With these arguments of `facerec serve`, and the gate shut.
    pub fn start(arguments: &[&str]) -> Self {
        Self::adjusted(arguments, |_| ())
    }

    /// With settings that have no argument, too.
    pub fn adjusted(arguments: &[&str], adjust: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = config(data.path(), arguments);
        adjust(&mut config);
        let (timeouts, clients) = (config.timeouts, config.clients.clone());
        let gate = Arc::new(Gate::default());
        let tls = config.tls.as_ref().map(|params| Arc::new(Tls::open(params).unwrap()));
        let app = state(config, models_of(gate.clone(), gate.clone()), Access::default());
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = mpsc::channel();
        let router = router(app.clone());
        let finished = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                // Dropping the sender stops it, too.
                serve(listener, router, tls, timeouts, &clients, async move { drop(stopped.await) }).await
            })
        });
        let address = address.recv_timeout(PATIENCE).unwrap();
        Self { address, app, gate, stop: Some(stop), finished: Some(finished), _data: data }
    }

    /// As SIGTERM does. [`Listening::finished`] says how it went.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits for the end: whether all that ran was finished.
    pub fn finished(mut self) -> bool {
        self.stop();
        self.finished.take().unwrap().join().unwrap()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.gate.open();
        self.stop();
        if let Some(thread) = self.finished.take() {
            // A test that fails has said why.
            let _ = thread.join();
        }
    }
}

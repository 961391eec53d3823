//! Uploads, through the service's whole router: its limits, its reader of forms and its answers. The
//! networks find no face, since forms are the subject here.
//!
//! An input is a byte that chooses the address, one for the length of the body's pieces, the content type
//! up to the end of the line, and the body.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Method, Request, StatusCode};
use clap::Parser;
use facerec::config::{Compat, Config, ServeArgs};
use facerec::error::Result;
use facerec::gallery::writer::GALLERY;
use facerec::gallery::{Gallery, Recipe};
use facerec::http::middleware::auth::Access;
use facerec::http::router;
use facerec::http::state::AppState;
use facerec::imaging::{RgbView, Window};
use facerec::nn::{DetectorNets, FaceInput, FaceNet, LevelSize, OnetOutput, Proposal, Refinement};
use facerec::reloadable::Reloadable;
use facerec::roster::Roster;
use facerec::service;
use facerec::service::models::{LoadedModels, pipeline_params};
use facerec::service::people::PeopleStore;
use facerec::service::roster::RosterStore;
use facerec::service::settings::Settings;
use futures_util::stream;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

const PATHS: [&str; 4] = ["/recognize_faces", "/v1/recognize", "/v1/verify", "/v1/people"];

fn request(input: &[u8]) -> Option<Request<Body>> {
    let (&[path, piece], rest) = input.split_first_chunk::<2>()?;
    let line = rest.iter().position(|byte| *byte == b'\n')?;
    let content_type = HeaderValue::from_bytes(&rest[..line]).ok()?;
    let pieces = rest[line + 1..].chunks(1 + usize::from(piece).pow(2));
    let pieces: Vec<_> = pieces.map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
    let mut request = Request::new(Body::from_stream(stream::iter(pieces)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = PATHS[usize::from(path) % PATHS.len()].parse().ok()?;
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
    Some(request)
}

/// The service, and what it runs on.
pub struct Service {
    router: Router,
    runtime: Runtime,
    _data: TempDir,
}

impl Service {
    /// Runs the target. `false` where the input is no request.
    pub fn run(&self, input: &[u8]) -> bool {
        let Some(request) = request(input) else { return false };
        let answer = self.runtime.block_on(self.router.clone().oneshot(request));
        let Ok(answer) = answer;
        assert_ne!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        true
    }

    /// Starts it, on a data folder of its own.
    #[allow(clippy::missing_panics_doc, reason = "a machine without folders or threads fuzzes nothing")]
    pub fn start() -> Self {
        let data = tempfile::tempdir().expect("a folder for temporary files");
        let limits = ["--max-upload-mib", "1", "--max-megapixels", "1", "--workers", "1"];
        let arguments = ["facerec", "--data"].into_iter().map(Into::into);
        let arguments = arguments.chain([data.path().as_os_str().to_owned()]).chain(limits.map(Into::into));
        let arguments = Arguments::parse_from(arguments).serve;
        let config = Config::from(&arguments);

        let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 };
        let gallery =
            Reloadable::with_value(&data.path().join("gallery.bin"), GALLERY, Gallery::empty(recipe));
        let params = pipeline_params(&arguments.models, Compat::Standard);
        let nets = Arc::new(NoFaces);
        let models = LoadedModels::new(nets.clone(), nets, params, "casia".to_owned(), [0; 32], 0.5);
        let roster = RosterStore::in_memory(Roster::default());
        let people = PeopleStore::writable(gallery);
        let service = service::Service::start(Settings::from(&config), models, people, roster);
        let app = AppState::new(config, service.expect("a thread for the worker"), Access::default());
        let runtime =
            Builder::new_current_thread().enable_time().build().expect("a runtime without a socket");
        Self { router: router(app), runtime, _data: data }
    }
}

/// `facerec serve` without its name.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    serve: ServeArgs,
}

/// Networks that find nothing.
struct NoFaces;

impl DetectorNets for NoFaces {
    fn pnet(&self, _: RgbView<'_>, levels: &[LevelSize], _: f32) -> Result<Vec<Vec<Proposal>>> {
        Ok(vec![Vec::new(); levels.len()])
    }

    fn rnet(&self, _: RgbView<'_>, _: &[Window], _: f32) -> Result<Vec<Option<Refinement>>> {
        Ok(Vec::new())
    }

    fn onet(&self, _: RgbView<'_>, _: &[Window]) -> Result<Vec<OnetOutput>> {
        Ok(Vec::new())
    }
}

impl FaceNet for NoFaces {
    fn embed(&self, _: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
        Ok(Vec::new())
    }
}

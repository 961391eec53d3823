//! The service in this process: its router, without a socket.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{ALLOW, CONTENT_TYPE, HOST};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use clap::Parser;
use facerec::config::{Compat, Config, ServeArgs};
use facerec::gallery::writer::GALLERY;
use facerec::gallery::{Gallery, Recipe, store};
use facerec::http::middleware::auth::Access;
use facerec::http::router;
use facerec::http::state::AppState;
use facerec::nn::{DetectorNets, FaceNet};
use facerec::pipeline::Pipeline;
use facerec::reloadable::Reloadable;
use facerec::roster::{self, ROSTER};
use facerec::service;
use facerec::service::models::{LoadedModels, pipeline_params};
use facerec::service::people::PeopleStore;
use facerec::service::roster::RosterStore;
use facerec::service::settings::Settings;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use super::models;

/// The service on a data folder of its own, with the embedder that is always there.
pub struct Service {
    pub data: TempDir,
    pub state: AppState,
    pub router: Router,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub content_type: String,
    pub allow: String,
    pub body: Value,
}

impl Reply {
    /// The body of an answer with this status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The problem object of an error, after a look at what all of them have.
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, &self.body["code"]), (status, &Value::from(code)), "{}", self.body);
        assert_eq!(self.content_type, "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert!(self.body["title"].is_string() && self.body["detail"].is_string(), "{}", self.body);
        self.body
    }
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

impl Service {
    /// With nobody enrolled.
    pub fn empty(arguments: &[&str]) -> Self {
        Self::on(tempfile::tempdir().unwrap(), arguments)
    }

    /// With the people of `gallery`.
    pub fn with(gallery: &Gallery) -> Self {
        let data = tempfile::tempdir().unwrap();
        store::write(&data.path().join(store::FILE_NAME), gallery).unwrap();
        Self::on(data, &[])
    }

    /// On what lies in the folder.
    pub fn on(data: TempDir, arguments: &[&str]) -> Self {
        Self::guarded(data, arguments, Access::default())
    }

    /// With `access` deciding who may do what.
    pub fn guarded(data: TempDir, arguments: &[&str], access: Access) -> Self {
        let engine = &*models::NATIVE;
        let models = models_with(engine.nets.clone(), engine.casia.clone(), arguments);
        let state = state(config(data.path(), arguments), models, access);
        Self { router: router(state.clone()), state, data }
    }

    /// The gallery in use.
    pub fn gallery(&self) -> Arc<Gallery> {
        self.state.service.people().current()
    }

    /// Sends a request and waits for its answer.
    pub fn send(&self, request: Request<Body>) -> Reply {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.unwrap().block_on(self.reply(request))
    }

    /// Sends a request, from within a runtime.
    pub async fn reply(&self, mut request: Request<Body>) -> Reply {
        // As the socket does: where no keys are asked for, people are managed from this machine only.
        let here = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000)));
        request.extensions_mut().get_or_insert_with(|| here);
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("localhost"));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let header =
            |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert!(response.headers().contains_key("x-request-id"));
        let (status, content_type, allow) = (response.status().as_u16(), header(CONTENT_TYPE), header(ALLOW));
        let body = to_bytes(response.into_body(), 64 << 20).await.unwrap();
        let body = match serde_json::from_slice(&body) {
            Ok(json) => json,
            Err(_) => Value::from(String::from_utf8_lossy(&body).into_owned()),
        };
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR.as_u16(), "{body}");
        Reply { status, content_type, allow, body }
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send(request(Method::GET, path, "", Vec::new()))
    }

    pub fn delete(&self, path: &str) -> Reply {
        self.send(request(Method::DELETE, path, "", Vec::new()))
    }

    pub fn patch(&self, path: &str, json: &Value) -> Reply {
        self.send(request(Method::PATCH, path, "application/merge-patch+json", json.to_string().into_bytes()))
    }

    /// A photo as the raw body.
    pub fn post_photo(&self, path: &str, photo: Vec<u8>) -> Reply {
        self.send(request(Method::POST, path, "image/jpeg", photo))
    }

    pub fn post_form(&self, path: &str, form: Form) -> Reply {
        self.send(form.request(Method::POST, path))
    }
}

/// The settings of `facerec serve --data FOLDER` with more arguments.
pub fn config(folder: &Path, arguments: &[&str]) -> Config {
    Config::from(&serve_args(folder, arguments))
}

fn serve_args(folder: &Path, arguments: &[&str]) -> ServeArgs {
    let folder = folder.to_str().unwrap();
    let arguments = ["facerec", "--data", folder].into_iter().chain(arguments.iter().copied());
    Cli::try_parse_from(arguments).unwrap().serve
}

/// What a router needs, on what lies in the data folder.
pub fn state(config: Config, models: LoadedModels, access: Access) -> AppState {
    let people = PeopleStore::writable(open_gallery(&config.data));
    let [path, others @ ..] = roster::paths(&config.data);
    let roster = RosterStore::new(Reloadable::open_any(&path, others.to_vec(), ROSTER).unwrap());
    let service = service::Service::start(Settings::from(&config), models, people, roster).unwrap();
    AppState::new(config, service, access)
}

pub fn request(method: Method, path: &str, content_type: &str, body: Vec<u8>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = if content_type.is_empty() { request } else { request.header(CONTENT_TYPE, content_type) };
    request.body(Body::from(body)).unwrap()
}

/// A multipart form.
#[derive(Default)]
pub struct Form(Vec<u8>);

const BOUNDARY: &str = "a-boundary-of-the-tests";

impl Form {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn text(self, name: &str, text: &str) -> Self {
        self.part(&format!("name=\"{name}\""), text.as_bytes())
    }

    pub fn file(self, name: &str, file_name: &str, bytes: &[u8]) -> Self {
        self.part(&format!("name=\"{name}\"; filename=\"{file_name}\""), bytes)
    }

    fn part(mut self, disposition: &str, bytes: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(bytes);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    pub fn request(self, method: Method, path: &str) -> Request<Body> {
        let (content_type, body) = self.finish();
        request(method, path, &content_type, body)
    }

    /// Content type and body.
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), self.0)
    }
}

/// MTCNN and casia on the project's own kernels.
pub fn models() -> LoadedModels {
    let engine = &*models::NATIVE;
    models_of(engine.nets.clone(), engine.casia.clone())
}

/// These networks, in the standard profile.
pub fn models_of(nets: Arc<dyn DetectorNets>, facenet: Arc<dyn FaceNet>) -> LoadedModels {
    models_with(nets, facenet, &[])
}

/// These networks, with the settings of the arguments.
fn models_with(nets: Arc<dyn DetectorNets>, facenet: Arc<dyn FaceNet>, arguments: &[&str]) -> LoadedModels {
    let params = pipeline_params(&serve_args(Path::new("."), arguments).models, Compat::Standard);
    LoadedModels::new(nets, facenet, params, "casia".to_owned(), [0; 32], 0.5)
}

/// The stages of [`models`].
pub fn pipeline() -> Pipeline {
    models().pipeline
}

/// Of new galleries.
pub fn recipe(margin_px: u32) -> Recipe {
    Recipe { model: "casia".to_owned(), model_sha256: None, margin_px }
}

fn open_gallery(folder: &Path) -> Reloadable<Gallery> {
    let path = folder.join(store::FILE_NAME);
    if path.exists() {
        return Reloadable::open(&path, GALLERY).unwrap();
    }
    Reloadable::with_value(&path, GALLERY, Gallery::empty(recipe(32)))
}

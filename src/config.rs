//! Command-line arguments and `FACEREC_*` environment variables, validated into a [`Config`]. Every flag
//! has a variable and a help text, and its unit in its name.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use crate::access_log::LogParams;
use crate::enroll::GateParams;

mod access_log;
mod attendance;
mod clients;
mod database;
mod gate;
mod keep_photos;
mod names;
pub(crate) mod range;
mod tls;

pub use access_log::{AccessLogArgs, LogPlace};
pub use attendance::{AttendanceArgs, AttendanceParams, AutomaticSessions, WebhookParams};
pub use clients::{ClientArgs, ClientLimits, UploadRate};
pub use database::{DatabaseArgs, DatabaseParams, DatabaseUrl};
pub use gate::GateArgs;
pub use keep_photos::{KeepParams, KeepPhotosArgs};
pub use names::ANY;
use names::{host_name, origin};
use range::{FALSE_NAME_RATE, distance, number, share, whole, workers};
pub use tls::{TlsArgs, TlsParams};

/// Minimum probability of a face where none is set.
pub const DEFAULT_MIN_PROBABILITY: f32 = 0.9;

/// Share of strangers that may get a name where neither a share nor a threshold is set.
pub const DEFAULT_FALSE_NAME_RATE: f64 = 0.01;

/// Days after their last one on which people are deleted where none are set.
pub const DEFAULT_EXPIRED_PEOPLE_DAYS: u32 = 30;

/// Bytes in a mebibyte.
const MIB: u64 = 1024 * 1024;

/// Names of the face embedders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelName {
    /// Trained on CASIA-WebFace; part of the package.
    Casia,
    /// Trained on VGGFace2; installed by `facerec models install vggface2`.
    #[value(name = "vggface2")]
    VggFace2,
}

impl ModelName {
    /// The name as galleries and the manifest spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Casia => "casia",
            Self::VggFace2 => "vggface2",
        }
    }
}

/// The inference engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// The project's own kernels.
    #[default]
    Native,
    /// tract: slower; the reference that the kernels are tested against.
    Tract,
}

/// The instruction set of the native engine's kernels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum KernelName {
    /// The widest that this processor has.
    #[default]
    Auto,
    /// Plain Rust.
    Scalar,
    /// NEON: 64-bit ARM.
    Neon,
    /// AVX2 with FMA.
    Avx2,
    /// AVX-512.
    Avx512,
}

/// The numbers that the native engine multiplies in the embedder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PrecisionName {
    /// 16-bit integers where the processor multiplies them faster than floats, else floats.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// 16-bit integers.
    Int16,
}

/// Arguments of every command that runs a network.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ModelArgs {
    /// Directory searched first for models; then the user's data directory, then models/ beside the program
    #[arg(long, env = "FACEREC_MODELS", value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Face embedder [default: the gallery's own; for a new gallery vggface2 when installed, else casia]
    #[arg(long, env = "FACEREC_MODEL", value_name = "NAME")]
    pub model: Option<ModelName>,
    /// Inference engine
    #[arg(long, env = "FACEREC_ENGINE", value_name = "NAME", default_value = "native")]
    pub engine: EngineName,
    /// Instruction set of the native engine, for testing and comparing
    #[arg(long, env = "FACEREC_KERNEL", value_name = "NAME", default_value = "auto")]
    pub kernel: KernelName,
    /// Numbers that the native engine multiplies in the embedder
    #[arg(long, env = "FACEREC_PRECISION", value_name = "NAME", default_value = "auto")]
    pub precision: PrecisionName,
    /// Side of the smallest face that is detected, pixels; the time grows with the inverse of its square
    #[arg(long, env = "FACEREC_MIN_FACE_PX", value_name = "PIXELS", default_value = "15",
          value_parser = number(8.0..=4096.0_f64))]
    pub min_face_px: f64,
    /// Maximum number of faces of a photo, the largest; bounds the work of a photo with very many
    #[arg(long, env = "FACEREC_MAX_FACES", value_name = "N", default_value = "500",
          value_parser = whole(1..=10_000_usize))]
    pub max_faces: usize,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub limits: LimitArgs,
}

/// Arguments of every command that decodes a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct LimitArgs {
    /// Largest photo, million pixels; larger ones are rejected before they are decoded
    #[arg(long, env = "FACEREC_MAX_MEGAPIXELS", value_name = "N", default_value = "64",
          value_parser = whole(1..=1000_u32))]
    pub max_megapixels: u32,
}

/// Arguments of every command that recognises faces.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct FaceArgs {
    /// False positive identification rate (FPIR) asked for: share of people not enrolled who may be given a name, 0.000001
    /// to 0.5; the score threshold follows from it and the number of people [default: 0.01]
    #[arg(long, env = "FACEREC_FALSE_NAME_RATE", value_name = "SHARE", value_parser = number(FALSE_NAME_RATE),
          conflicts_with = "threshold")]
    pub false_name_rate: Option<f64>,
    /// In place of the rate: faces match the person of the nearest photo below this cosine distance, 0 to 2
    #[arg(long, env = "FACEREC_THRESHOLD", value_name = "DISTANCE", value_parser = distance())]
    pub threshold: Option<f32>,
    /// Cohort for score normalisation: statistics of people not enrolled, made by `facerec strangers fit` [default: those
    /// of the model, from LFW]
    #[arg(long, env = "FACEREC_STRANGERS", value_name = "FILE")]
    pub strangers: Option<PathBuf>,
    /// Minimum detection probability, 0 to 1; other faces are ignored
    #[arg(long, env = "FACEREC_MIN_PROBABILITY", value_name = "PROBABILITY",
          default_value_t = DEFAULT_MIN_PROBABILITY, value_parser = share())]
    pub min_probability: f32,
}

/// The service whose responses are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// facerec's own.
    #[default]
    #[value(skip)]
    Standard,
    /// The Flask service's, bugs included.
    Flask,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The arguments of `facerec serve`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ServeArgs {
    /// Directory with gallery.bin and roster.xlsx; people/ is enrolled when there is no gallery yet
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    pub data: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub database: DatabaseArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub models: ModelArgs,
    /// Respond as this older service did, bugs included
    #[arg(long, env = "FACEREC_COMPAT", value_name = "SERVICE")]
    pub compat: Option<Compat>,
    /// Address to listen on
    #[arg(long, env = "FACEREC_HOST", value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub host: String,
    /// Port to listen on; 0 for a free one, which is logged
    #[arg(long, env = "FACEREC_PORT", value_name = "PORT", default_value = "5000",
          value_parser = whole(0..=u16::MAX))]
    pub port: u16,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub tls: TlsArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub faces: FaceArgs,
    /// Worker threads, one photo each [default: the number of cores]
    #[arg(long, env = "FACEREC_WORKERS", value_name = "N", value_parser = workers())]
    pub workers: Option<NonZeroUsize>,
    /// Photos that may wait for a worker; more are rejected with 503
    #[arg(long, env = "FACEREC_QUEUE", value_name = "N", default_value = "16",
          value_parser = whole(0..=10_000_u16))]
    pub queue: u16,
    /// Largest upload, MiB per photo
    #[arg(long, env = "FACEREC_MAX_UPLOAD_MIB", value_name = "MIB", default_value = "20",
          value_parser = whole(1..=1024_u32))]
    pub max_upload_mib: u32,
    /// Timeout of a request, seconds
    #[arg(long, env = "FACEREC_REQUEST_TIMEOUT_S", value_name = "SECONDS", default_value = "60",
          value_parser = whole(1..=3600_u32))]
    pub request_timeout_s: u32,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub clients: ClientArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub keep_photos: KeepPhotosArgs,
    /// Keep a thumbnail of each photo that is enrolled from now on, the crop of the face, in the directory thumbnails/ of the data
    /// directory, or in the database; it is deleted with the photo
    #[arg(long, env = "FACEREC_KEEP_THUMBNAILS", value_parser = BoolishValueParser::new())]
    pub keep_thumbnails: bool,
    /// File of API keys, see `facerec keys`; every request then needs a key, and managing people one of
    /// scope manage [default: none: recognition is open, people are managed from this machine only]
    #[arg(long, env = "FACEREC_API_KEYS_FILE", value_name = "FILE")]
    pub api_keys_file: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub access_log: AccessLogArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub attendance: AttendanceArgs,
    /// Days after their last one (`expires`, or `Until` in the roster) on which people are deleted
    #[arg(long, env = "FACEREC_EXPIRED_PEOPLE_DAYS", value_name = "DAYS",
          default_value_t = DEFAULT_EXPIRED_PEOPLE_DAYS, value_parser = whole(0..=36_500_u32))]
    pub expired_people_days: u32,
    /// Format of log lines
    #[arg(long, env = "FACEREC_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// CORS: allowed origins, separated by commas; * for any [default: none]
    #[arg(long, env = "FACEREC_CORS_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    pub cors_origin: Vec<String>,
    /// Name under which the service without API keys recognises for pages, beside IP addresses, names without a dot and
    /// the machine's own; several times or separated by commas; * for any [default: none]
    #[arg(long, env = "FACEREC_ALLOWED_HOST", value_name = "NAME", value_delimiter = ',', value_parser = host_name)]
    pub allowed_host: Vec<String>,
    /// Turn /docs and /openapi.json off
    #[arg(long, env = "FACEREC_NO_DOCS", value_parser = BoolishValueParser::new())]
    pub no_docs: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
    pub gate: GateArgs,
    /// Print the settings in force and where each is from, as a settings file, and exit
    #[arg(long, env = "FACEREC_PRINT_CONFIG", value_parser = BoolishValueParser::new())]
    pub print_config: bool,
}

/// Timeouts for slow clients; not configurable, so that every deployment is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the head of a request, counted from the start of the connection for the first one.
    pub head: Duration,
    /// Between two chunks of a body.
    pub body_idle: Duration,
    /// For its turn, of an upload beyond its client's share.
    pub upload_turn: Duration,
    /// From the start of a request to the start of the next one on the same connection: the longest request
    /// and the transfer of its response.
    pub idle: Duration,
    /// For requests in progress when the service is told to stop.
    pub drain: Duration,
}

impl Timeouts {
    /// For this longest time of a request.
    #[must_use]
    pub fn with_requests_of(request_timeout: Duration) -> Self {
        let [head, body_idle, upload_turn, drain] = [15, 10, 5, 30].map(Duration::from_secs);
        Self { head, body_idle, upload_turn, idle: request_timeout + head, drain }
    }
}

/// The validated settings of the service, in their final units.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Directory with gallery and roster.
    pub data: PathBuf,
    /// The service whose responses are given.
    pub compat: Compat,
    /// Address to listen on, a name or an IP address.
    pub host: String,
    /// Port to listen on; 0 for any free one.
    pub port: u16,
    /// The certificate of HTTPS; `None` for HTTP.
    pub tls: Option<TlsParams>,
    /// Cosine distance below which a face is a person's; `None` for the model's own.
    pub threshold: Option<f32>,
    /// Share of strangers that may get a name, 0 to 1; `None` where it is not set.
    pub false_name_rate: Option<f64>,
    /// Minimum probability of a face, 0 to 1.
    pub min_probability: f32,
    /// Worker threads.
    pub workers: NonZeroUsize,
    /// Photos that may wait for a worker.
    pub queue: usize,
    /// Largest photo, bytes.
    pub max_upload_bytes: u64,
    /// Longest time of a request.
    pub request_timeout: Duration,
    /// Timeouts for slow clients.
    pub timeouts: Timeouts,
    /// What one client may take.
    pub clients: ClientLimits,
    /// Which recognised photos are kept; `None` to keep none.
    pub keep_photos: Option<KeepParams>,
    /// Whether a thumbnail of each photo that is enrolled is kept.
    pub keep_thumbnails: bool,
    /// The file of API keys; `None` for open recognition.
    pub api_keys_file: Option<PathBuf>,
    /// The access log; `None` to write none.
    pub access_log: Option<LogParams>,
    /// How attendance is kept.
    pub attendance: AttendanceParams,
    /// Days after their last one on which people are deleted.
    pub expired_people_days: u32,
    /// CORS: allowed origins; `*` for any.
    pub cors_origins: Vec<String>,
    /// Names of the service beside those that are its own anyway, in lower case; `*` for any.
    pub allowed_hosts: Vec<String>,
    /// Whether /docs and /openapi.json are served.
    pub docs: bool,
    /// Thresholds of the quality gate of enrolment.
    pub gate: GateParams,
}

impl Config {
    /// Largest photos that all requests together may hold in memory: one per worker and per place in the
    /// queue, and at least two, since a comparison has two.
    #[must_use]
    pub fn upload_places(&self) -> usize {
        (self.queue + self.workers.get()).max(2)
    }

    /// Photos that one client may be uploading at a time.
    #[must_use]
    pub fn upload_places_per_client(&self) -> usize {
        self.clients.max_uploads.map_or(self.upload_places() / 2, NonZeroUsize::get)
    }

    /// Limit of all photos of one enrolment, bytes: half of the budget of all uploads, so that one form
    /// does not block other clients.
    #[must_use]
    pub fn max_enrollment_bytes(&self) -> u64 {
        self.max_upload_bytes.saturating_mul((self.upload_places() as u64 / 2).max(1))
    }
}

impl From<&ServeArgs> for Config {
    /// Nothing can fail here: the argument parsers have checked every value.
    fn from(args: &ServeArgs) -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let request_timeout = Duration::from_secs(u64::from(args.request_timeout_s));
        Self {
            data: args.data.clone(),
            compat: args.compat.unwrap_or_default(),
            host: args.host.clone(),
            port: args.port,
            tls: args.tls.params(),
            threshold: args.faces.threshold,
            false_name_rate: args.faces.false_name_rate,
            min_probability: args.faces.min_probability,
            workers: args.workers.unwrap_or(cores),
            queue: usize::from(args.queue),
            max_upload_bytes: u64::from(args.max_upload_mib) * MIB,
            request_timeout,
            timeouts: Timeouts::with_requests_of(request_timeout),
            clients: ClientLimits::from(&args.clients),
            keep_photos: args.keep_photos.params(),
            keep_thumbnails: args.keep_thumbnails,
            api_keys_file: args.api_keys_file.clone(),
            access_log: args.access_log.params(),
            attendance: args.attendance.params(),
            expired_people_days: args.expired_people_days,
            cors_origins: args.cors_origin.clone(),
            allowed_hosts: args.allowed_host.clone(),
            docs: !args.no_docs,
            gate: GateParams::from(&args.gate),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn parse(args: &[&str]) -> Result<Config, String> {
        let args = ["facerec", "--data", "d"].iter().chain(args);
        Cli::try_parse_from(args).map(|cli| Config::from(&cli.serve)).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_service_being_replaced() {
        let config = parse(&[]).unwrap();
        assert_eq!((config.host.as_str(), config.port), ("0.0.0.0", 5000));
        assert_eq!((config.compat, config.min_probability), (Compat::Standard, 0.9));
        assert_eq!(config.max_upload_bytes, 20 * 1024 * 1024);
        assert_eq!(config.request_timeout, Duration::from_mins(1));
        assert_eq!((config.keep_photos, config.cors_origins), (None, vec![]));
    }

    #[test]
    fn bad_values_are_refused_with_what_was_expected_and_found() {
        for (args, expected) in [
            (["--threshold", "2.5"], "expected a number from 0 to 2, found \"2.5\""),
            (["--threshold", "NaN"], "expected a number from 0 to 2, found \"NaN\""),
            (["--min-probability", "90"], "expected a number from 0 to 1, found \"90\""),
            (["--min-face-px", "1"], "expected a number from 8 to 4096, found \"1\""),
            (["--workers", "0"], "expected a whole number from 1 to 1024, found \"0\""),
            (["--cors-origin", "https://a.example/x"], "expected * or an origin"),
            (["--compat", "django"], "possible values: flask"),
            (["--max-upload-mib", "0"], "expected a whole number from 1 to 1024, found \"0\""),
        ] {
            let message = parse(&args).unwrap_err();
            assert!(message.contains(expected), "{args:?}: {message}");
        }
    }

    #[test]
    fn several_origins_and_models_are_understood() {
        let config = parse(&["--cors-origin", "http://a.example,https://b.example:8443"]).unwrap();
        assert_eq!(config.cors_origins, ["http://a.example", "https://b.example:8443"]);
        let spaced = parse(&["--cors-origin", "http://a.example, https://b.example:8443 "]).unwrap();
        assert_eq!(spaced.cors_origins, config.cors_origins);
        for (given, sent) in [
            ("HTTPS://School.Example", "https://school.example"),
            ("https://a.example:443", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("http://a.example:443", "http://a.example:443"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("*", "*"),
        ] {
            assert_eq!(origin(given).as_deref(), Ok(sent), "as a browser sends {given}");
        }
        for wrong in [
            "https://me@a.example",
            "http://::1",
            "http://[me@::1]",
            "https://a.example/",
            "https://a.example?x",
            "https://a.example#x",
            "https://a.example:",
            "https://a.example:x",
            "https://a.example:99999",
            "https://",
            "https://:80",
            "ftp://a.example",
            "a.example",
            "null",
            "",
        ] {
            assert!(origin(wrong).unwrap_err().contains("expected * or an origin like"), "{wrong}");
        }
        let args =
            Cli::try_parse_from(["facerec", "--data", "d", "--model", "vggface2", "--compat", "flask"]);
        let args = args.unwrap().serve;
        assert_eq!((args.models.model, args.compat), (Some(ModelName::VggFace2), Some(Compat::Flask)));
    }
}

//! Where the time of one photo goes: each stage on its own, with all cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use super::drive::milliseconds;
use crate::detect::Detection;
use crate::error::Result;
use crate::gallery::Gallery;
use crate::gallery::search::search;
use crate::imaging::decode::decode;
use crate::imaging::orient::orient;
use crate::imaging::{RgbView, Window};
use crate::nn::{DetectorNets, LevelSize, OnetOutput, Proposal, Refinement};
use crate::pipeline::{Pipeline, RecognizeParams};

/// Runs at most; more change no median that can be read off.
const MAX_RUNS: usize = 25;

/// A photo and the median times of its stages.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Faces that were embedded.
    pub(super) faces: usize,
    /// Candidates of R-Net and O-Net.
    pub(super) rnet_candidates: usize,
    pub(super) onet_candidates: usize,
    pub(super) stages_ms: Times,
}

/// Time of each stage; written in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Times {
    /// From the file to pixels.
    #[serde(serialize_with = "as_ms")]
    pub(super) decode: Duration,
    /// Reading the EXIF orientation and turning the photo.
    #[serde(serialize_with = "as_ms")]
    pub(super) orient: Duration,
    /// The image pyramid and P-Net, which the native engine computes in one pass.
    #[serde(serialize_with = "as_ms")]
    pub(super) pyramid_pnet: Duration,
    /// Crops of the candidates, and R-Net.
    #[serde(serialize_with = "as_ms")]
    pub(super) rnet: Duration,
    /// Crops of the candidates, and O-Net.
    #[serde(serialize_with = "as_ms")]
    pub(super) onet: Duration,
    /// Suppression and regression between the networks.
    #[serde(serialize_with = "as_ms")]
    pub(super) boxes: Duration,
    /// Cutting out the faces and resizing them.
    #[serde(serialize_with = "as_ms")]
    pub(super) crops: Duration,
    /// Standardisation, FaceNet, and checks of its output.
    #[serde(serialize_with = "as_ms")]
    pub(super) facenet: Duration,
    /// Search and assignment.
    #[serde(serialize_with = "as_ms")]
    pub(super) matching: Duration,
    /// All of it.
    #[serde(serialize_with = "as_ms")]
    pub(super) together: Duration,
}

fn as_ms<S: Serializer>(time: &Duration, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*time))
}

impl Times {
    /// Names for people, and the times.
    pub(super) fn rows(&self) -> [(&'static str, Duration); 10] {
        [
            ("decode", self.decode),
            ("orient", self.orient),
            ("pyramid and P-Net", self.pyramid_pnet),
            ("R-Net", self.rnet),
            ("O-Net", self.onet),
            ("boxes in between", self.boxes),
            ("crops", self.crops),
            ("FaceNet", self.facenet),
            ("match", self.matching),
            ("together", self.together),
        ]
    }

    /// The median of each stage by itself. `runs` is not empty.
    fn medians(runs: &[Self]) -> Self {
        let median = |stage: fn(&Self) -> Duration| {
            let mut times: Vec<Duration> = runs.iter().map(stage).collect();
            times.sort_unstable();
            times[times.len() / 2]
        };
        Self {
            decode: median(|run| run.decode),
            orient: median(|run| run.orient),
            pyramid_pnet: median(|run| run.pyramid_pnet),
            rnet: median(|run| run.rnet),
            onet: median(|run| run.onet),
            boxes: median(|run| run.boxes),
            crops: median(|run| run.crops),
            facenet: median(|run| run.facenet),
            matching: median(|run| run.matching),
            together: median(|run| run.together),
        }
    }
}

/// Runs the stages of [`Pipeline::recognize`] one by one, several times within the budget, and at least
/// twice: the first run fills the pools and doesn't count.
///
/// # Errors
/// As [`Pipeline::recognize`].
pub(super) fn measure(
    pipeline: &Pipeline,
    gallery: &Gallery,
    params: &RecognizeParams,
    bytes: &[u8],
    budget: Duration,
) -> Result<Measured> {
    let nets = Arc::new(TimedNets::new(Arc::clone(pipeline.nets())));
    let timed = pipeline.with_detector(nets.clone());
    let (mut measured, _) = run_once(&timed, &nets, gallery, params, bytes)?;
    let start = Instant::now();
    let mut runs = Vec::new();
    while runs.is_empty() || (start.elapsed() < budget && runs.len() < MAX_RUNS) {
        runs.push(run_once(&timed, &nets, gallery, params, bytes)?.1);
    }
    measured.stages_ms = Times::medians(&runs);
    Ok(measured)
}

fn run_once(
    pipeline: &Pipeline,
    nets: &TimedNets,
    gallery: &Gallery,
    params: &RecognizeParams,
    bytes: &[u8],
) -> Result<(Measured, Times)> {
    let settings = pipeline.params();
    let mut lap = Lap(Instant::now());
    let start = lap.0;
    let decoded = decode(bytes, settings.limits)?;
    let decode = lap.next();
    let photo = orient(decoded, settings.orientations);
    let orient = lap.next();
    nets.reset();
    let detected = pipeline.detect(&photo)?;
    let detect = lap.next();
    let sure = detected.faces.iter().filter(|face| face.probability >= params.faces.min_probability);
    let sure: Vec<Detection> = sure.copied().collect();
    let crops = Pipeline::align(&photo, &sure, gallery.recipe().margin_px);
    let crops: Vec<_> = crops.into_iter().flatten().collect();
    let cut = lap.next();
    let embeddings = pipeline.embed(&crops, settings.probe_standardisation)?;
    let facenet = lap.next();
    std::hint::black_box(search(gallery, &embeddings, &params.matching)?);
    let matching = lap.next();
    let [pnet, rnet, onet] = nets.times();
    let times = Times {
        decode,
        orient,
        pyramid_pnet: pnet,
        rnet,
        onet,
        boxes: detect.saturating_sub(pnet + rnet + onet),
        crops: cut,
        facenet,
        matching,
        together: start.elapsed(),
    };
    let measured = Measured {
        width: photo.width(),
        height: photo.height(),
        faces: crops.len(),
        rnet_candidates: detected.candidates.rnet,
        onet_candidates: detected.candidates.onet,
        stages_ms: times,
    };
    Ok((measured, times))
}

/// A watch that is read stage by stage.
struct Lap(Instant);

impl Lap {
    /// The time since the last reading.
    fn next(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.0, now)
    }
}

/// The detector's networks, and how long each has run.
struct TimedNets {
    nets: Arc<dyn DetectorNets>,
    /// P-, R- and O-Net, nanoseconds.
    nanos: [AtomicU64; 3],
}

impl TimedNets {
    fn new(nets: Arc<dyn DetectorNets>) -> Self {
        Self { nets, nanos: Default::default() }
    }

    fn reset(&self) {
        self.nanos.iter().for_each(|nanos| nanos.store(0, Ordering::Relaxed));
    }

    fn times(&self) -> [Duration; 3] {
        [0, 1, 2].map(|net: usize| Duration::from_nanos(self.nanos[net].load(Ordering::Relaxed)))
    }

    fn timed<T>(&self, net: usize, work: impl FnOnce(&dyn DetectorNets) -> T) -> T {
        let start = Instant::now();
        let output = work(&*self.nets);
        self.nanos[net].fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        output
    }
}

impl DetectorNets for TimedNets {
    fn pnet(&self, photo: RgbView<'_>, levels: &[LevelSize], threshold: f32) -> Result<Vec<Vec<Proposal>>> {
        self.timed(0, |nets| nets.pnet(photo, levels, threshold))
    }

    fn rnet(
        &self,
        photo: RgbView<'_>,
        windows: &[Window],
        threshold: f32,
    ) -> Result<Vec<Option<Refinement>>> {
        self.timed(1, |nets| nets.rnet(photo, windows, threshold))
    }

    fn onet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>> {
        self.timed(2, |nets| nets.onet(photo, windows))
    }
}

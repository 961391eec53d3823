//! The whole way from a photo's bytes to recognised faces, synchronous: no runtime, no HTTP, no JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::align::{AlignedCrop, align};
use crate::cancel::{Cancellable, CancellationToken, batches};
use crate::detect::main_face::main_face;
use crate::detect::{DetectParams, Detected, Detection, detect};
use crate::embed::{Embedding, Standardisation, embed};
use crate::error::{ModelError, Result};
use crate::gallery::Gallery;
use crate::gallery::search::{FaceMatch, MatchParams, search};
use crate::imaging::OrientedRgb;
use crate::imaging::decode::{DecodeLimits, decode_while};
use crate::imaging::orient::{Orientations, orient};
use crate::nn::{DetectorNets, FaceNet};

/// Settings that hold for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PipelineParams {
    /// What is refused before pixels are decoded.
    pub limits: DecodeLimits,
    /// Which EXIF orientations are applied.
    pub orientations: Orientations,
    /// The detector's settings.
    pub detect: DetectParams,
    /// How probes are standardised (galleries always [`Standardisation::FixedImage`]).
    pub probe_standardisation: Standardisation,
}

/// Which of the faces found count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceParams {
    /// Faces below this probability are dropped.
    pub min_probability: f32,
    /// At most this many faces, the largest; `None` for all.
    pub max_faces: Option<usize>,
}

impl FaceParams {
    /// With at most `max_faces`, where that is fewer.
    #[must_use]
    pub fn at_most(self, max_faces: Option<usize>) -> Self {
        let max_faces = [self.max_faces, max_faces].into_iter().flatten().min();
        Self { max_faces, ..self }
    }
}

/// What was left out of a photo with very many faces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Omitted {
    /// Faces found and left out, the smallest.
    pub faces: usize,
    /// The detector's candidates that were not examined, the smallest.
    pub candidates: usize,
}

/// Settings of one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecognizeParams {
    /// Which faces count.
    pub faces: FaceParams,
    /// How embeddings become names.
    pub matching: MatchParams,
}

/// Time spent in each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timings {
    /// Decoding and turning upright.
    pub decode: Duration,
    /// MTCNN.
    pub detect: Duration,
    /// Crops and FaceNet.
    pub embed: Duration,
    /// Search and assignment.
    pub matching: Duration,
}

/// A photo, upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoInfo {
    /// Width of the upright photo, pixels.
    pub width: usize,
    /// Height of the upright photo, pixels.
    pub height: usize,
    /// The EXIF orientation that was applied, 1 to 8.
    pub orientation: u8,
}

impl From<&OrientedRgb> for PhotoInfo {
    fn from(photo: &OrientedRgb) -> Self {
        Self { width: photo.width(), height: photo.height(), orientation: photo.orientation() }
    }
}

/// The faces of a photo, without names.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundFaces {
    /// The photo.
    pub photo: PhotoInfo,
    /// The faces kept, largest box first.
    pub faces: Vec<Detection>,
    /// What was left out.
    pub omitted: Omitted,
    /// Where the time went; nothing was embedded or matched.
    pub timings: Timings,
}

/// A face and who it is.
#[derive(Debug, Clone, PartialEq)]
pub struct RecognizedFace {
    /// Where it is.
    pub detection: Detection,
    /// Who it is.
    pub found: FaceMatch,
}

/// The result for one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognition {
    /// The photo.
    pub photo: PhotoInfo,
    /// How many faces the detector found, before `min_probability` and `max_faces`.
    pub detected: usize,
    /// The faces kept, largest box first.
    pub faces: Vec<RecognizedFace>,
    /// What was left out.
    pub omitted: Omitted,
    /// Where the time went.
    pub timings: Timings,
}

/// The face of a photo that is meant.
#[derive(Debug, Clone, PartialEq)]
pub enum OneFace {
    /// The face and its embedding.
    Found(Detection, Embedding),
    /// The photo has so many faces: none, or several of which none was chosen, or fewer than the one that was.
    NotOne(usize),
}

/// A decoded photo and all faces that the detector found in it.
#[derive(Debug)]
pub struct DetectedPhoto {
    /// The pixels, upright.
    pub photo: OrientedRgb,
    /// The faces, largest box first, and how many candidates each network had.
    pub detected: Detected,
    /// Time of decoding and of detection; the rest is zero.
    pub timings: Timings,
}

/// The networks and the settings; shared by all worker threads.
#[derive(Clone)]
pub struct Pipeline {
    nets: Arc<dyn DetectorNets>,
    facenet: Arc<dyn FaceNet>,
    params: PipelineParams,
    token: CancellationToken,
}

impl Pipeline {
    /// Puts the parts together.
    #[must_use]
    pub fn new(nets: Arc<dyn DetectorNets>, facenet: Arc<dyn FaceNet>, params: PipelineParams) -> Self {
        Self { nets, facenet, params, token: CancellationToken::default() }
    }

    /// The same pipeline, which fails with [`Error::Cancelled`](crate::error::Error::Cancelled) once the token is
    /// cancelled.
    #[must_use]
    pub fn cancelled_by(&self, token: &CancellationToken) -> Self {
        Self { token: token.clone(), ..self.clone() }
    }

    /// Checks for cancellation between two pieces of work.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::error::Error::Cancelled).
    pub fn check_cancelled(&self) -> Result<()> {
        self.token.check()
    }

    /// The same pipeline with other detector networks.
    #[must_use]
    pub fn with_detector(&self, nets: Arc<dyn DetectorNets>) -> Self {
        Self { nets, ..self.clone() }
    }

    /// The settings.
    #[must_use]
    pub fn params(&self) -> &PipelineParams {
        &self.params
    }

    /// The detector's networks.
    #[must_use]
    pub fn nets(&self) -> &Arc<dyn DetectorNets> {
        &self.nets
    }

    /// The embedder's network.
    #[must_use]
    pub fn facenet(&self) -> &Arc<dyn FaceNet> {
        &self.facenet
    }

    /// Decodes a photo and turns it upright.
    ///
    /// # Errors
    /// [`Error::Input`](crate::error::Error::Input) when it is no image, broken, or over a limit.
    pub fn open(&self, bytes: &[u8]) -> Result<OrientedRgb> {
        let photo = decode_while(bytes, self.params.limits, &|| self.token.check())?;
        Ok(orient(photo, self.params.orientations))
    }

    /// Finds the faces of an upright photo, largest first.
    ///
    /// # Errors
    /// [`Error::Model`](crate::error::Error::Model) when a network can't be run.
    pub fn detect(&self, photo: &OrientedRgb) -> Result<Detected> {
        let nets = Cancellable { nets: &*self.nets, token: &self.token };
        detect(&nets, photo.view(), &self.params.detect)
    }

    /// [`Pipeline::open`], then [`Pipeline::detect`], timed.
    ///
    /// # Errors
    /// As [`Pipeline::recognize`].
    pub fn open_and_detect(&self, bytes: &[u8]) -> Result<DetectedPhoto> {
        let mut timings = Timings::default();
        let photo = timed(&mut timings.decode, || self.open(bytes))?;
        let detected = timed(&mut timings.detect, || self.detect(&photo))?;
        Ok(DetectedPhoto { photo, detected, timings })
    }

    /// Cuts one face out of its photo; `None` for a box outside the photo.
    #[must_use]
    pub fn align_face(photo: &OrientedRgb, face: &Detection, margin_px: u32) -> Option<AlignedCrop> {
        align(photo.view(), &face.bbox, margin_px)
    }

    /// Cuts the faces out of their photo. A box outside the photo has no crop.
    #[must_use]
    pub fn align(photo: &OrientedRgb, faces: &[Detection], margin_px: u32) -> Vec<Option<AlignedCrop>> {
        faces.iter().map(|face| Self::align_face(photo, face, margin_px)).collect()
    }

    /// The embeddings of crops, in order.
    ///
    /// # Errors
    /// [`Error::Model`](crate::error::Error::Model) when the network can't be run.
    pub fn embed(&self, crops: &[AlignedCrop], how: Standardisation) -> Result<Vec<Embedding>> {
        embed(&Cancellable { nets: &*self.facenet, token: &self.token }, crops, how)
    }

    /// The embedding of one crop.
    ///
    /// # Errors
    /// [`Error::Model`](crate::error::Error::Model) when the network can't be run.
    pub fn embed_face(&self, crop: &AlignedCrop, how: Standardisation) -> Result<Embedding> {
        let nothing =
            || ModelError::Run("FaceNet gave no output: expected one embedding, found none".to_owned());
        Ok(self.embed(std::slice::from_ref(crop), how)?.pop().ok_or_else(nothing)?)
    }

    /// Finds the faces of a photo.
    ///
    /// # Errors
    /// As [`Pipeline::recognize`].
    pub fn find_faces(&self, bytes: &[u8], params: &FaceParams) -> Result<FoundFaces> {
        let DetectedPhoto { photo, detected, timings } = self.open_and_detect(bytes)?;
        let (faces, omitted) = sure_enough(&detected, params);
        Ok(FoundFaces { photo: (&photo).into(), faces, omitted, timings })
    }

    /// The main face of a photo ([`main_face`]) out of those with enough probability, and its
    /// embedding, cut with `margin_px`; `None` where there is no face.
    ///
    /// # Errors
    /// As [`Pipeline::recognize`].
    pub fn embed_main_face(
        &self,
        bytes: &[u8],
        min_probability: f32,
        margin_px: u32,
    ) -> Result<Option<(Detection, Embedding)>> {
        let DetectedPhoto { photo, detected, .. } = self.open_and_detect(bytes)?;
        let (sure, _) = sure_enough(&detected, &FaceParams { min_probability, max_faces: None });
        let Some(face) = main_face(&sure, photo.width(), photo.height()).copied() else { return Ok(None) };
        let Some(crop) = Self::align_face(&photo, &face, margin_px) else { return Ok(None) };
        Ok(Some((face, self.embed_face(&crop, Standardisation::FixedImage)?)))
    }

    /// The face of a photo with this `index` among those with enough probability, the largest first, and its embedding, cut
    /// with `margin_px`. Without an index it is the only face.
    ///
    /// # Errors
    /// As [`Pipeline::recognize`].
    pub fn embed_one_face(
        &self,
        bytes: &[u8],
        min_probability: f32,
        margin_px: u32,
        index: Option<usize>,
    ) -> Result<OneFace> {
        let DetectedPhoto { photo, detected, .. } = self.open_and_detect(bytes)?;
        let (sure, _) = sure_enough(&detected, &FaceParams { min_probability, max_faces: None });
        let chosen = match index {
            None if sure.len() > 1 => None,
            index => sure.get(index.unwrap_or(0)),
        };
        let Some(face) = chosen.copied() else { return Ok(OneFace::NotOne(sure.len())) };
        let Some(crop) = Self::align_face(&photo, &face, margin_px) else { return Ok(OneFace::NotOne(0)) };
        Ok(OneFace::Found(face, self.embed_face(&crop, Standardisation::FixedImage)?))
    }

    /// Finds the faces of a photo and who they are.
    ///
    /// # Errors
    /// [`Error::Input`](crate::error::Error::Input) for a photo that can't be used, and for a rate of false names where
    /// the gallery has no statistics of strangers; [`Error::Model`](crate::error::Error::Model) when a network can't be
    /// run.
    pub fn recognize(
        &self,
        bytes: &[u8],
        gallery: &Gallery,
        params: &RecognizeParams,
    ) -> Result<Recognition> {
        let find = |embeddings: &[Embedding]| search(gallery, embeddings, &params.matching);
        Ok(self.open_and_recognize(bytes, gallery.recipe().margin_px, &params.faces, find)?.1)
    }

    /// Finds the faces of a photo, cut with `margin_px`, and asks `find` who they are; with the decoded photo.
    ///
    /// # Errors
    /// As [`Pipeline::recognize`].
    pub fn open_and_recognize(
        &self,
        bytes: &[u8],
        margin_px: u32,
        faces: &FaceParams,
        find: impl FnOnce(&[Embedding]) -> Result<Vec<FaceMatch>>,
    ) -> Result<(OrientedRgb, Recognition)> {
        let DetectedPhoto { photo, detected, mut timings } = self.open_and_detect(bytes)?;
        let (kept, omitted) = sure_enough(&detected, faces);
        let (faces, embeddings) = timed(&mut timings.embed, || self.embed_probes(&photo, &kept, margin_px))?;
        let found = timed(&mut timings.matching, || find(&embeddings))?;
        let recognized = |(detection, found)| RecognizedFace { detection, found };
        let recognition = Recognition {
            photo: (&photo).into(),
            detected: detected.faces.len(),
            faces: faces.into_iter().zip(found).map(recognized).collect(),
            omitted,
            timings,
        };
        Ok((photo, recognition))
    }

    /// The faces that have a crop, each with its embedding.
    fn embed_probes(
        &self,
        photo: &OrientedRgb,
        faces: &[Detection],
        margin_px: u32,
    ) -> Result<(Vec<Detection>, Vec<Embedding>)> {
        let (mut kept, mut embeddings) = (Vec::with_capacity(faces.len()), Vec::with_capacity(faces.len()));
        for faces in batches(faces) {
            let crops = Self::align(photo, faces, margin_px);
            let (faces, crops): (Vec<_>, Vec<_>) =
                faces.iter().zip(crops).filter_map(|(face, crop)| Some((*face, crop?))).unzip();
            embeddings.extend(self.embed(&crops, self.params.probe_standardisation)?);
            kept.extend(faces);
        }
        Ok((kept, embeddings))
    }
}

/// The faces with enough probability, the largest `max_faces` of them, and what is left out.
fn sure_enough(detected: &Detected, params: &FaceParams) -> (Vec<Detection>, Omitted) {
    let sure = detected.faces.iter().filter(|face| face.probability >= params.min_probability);
    let mut faces: Vec<_> = sure.copied().collect();
    let found = faces.len();
    faces.truncate(params.max_faces.unwrap_or(usize::MAX));
    let omitted = Omitted { faces: found - faces.len(), candidates: detected.omitted };
    (faces, omitted)
}

fn timed<T>(time: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *time = start.elapsed();
    result
}

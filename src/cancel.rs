//! Cancellation: work ends early when its client has disconnected or its request has timed out. Networks check the
//! token between batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::imaging::{RgbView, Window};
use crate::nn::{DetectorNets, FaceInput, FaceNet, LevelSize, OnetOutput, Proposal, Refinement};

/// Windows per batch of R-Net and O-Net: about 30 ms of R-Net and 300 ms of O-Net on one core, and enough to use
/// all cores.
const WINDOWS: usize = 1024;
/// Faces per batch of FaceNet: 1.5 s of work on one core; see [`batches`].
const FACES: usize = 48;

/// Signals cancellation. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CancellationToken {
    cancelled: Arc<AtomicBool>,
}

impl CancellationToken {
    /// Requests cancellation.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Checks for cancellation, where work can end.
    ///
    /// # Errors
    /// [`Error::Cancelled`] after [`CancellationToken::cancel`].
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// Splits faces into batches: small enough for the memory of each (crop and network input, 0.4 MB), large enough to
/// use all cores.
pub fn batches<T>(faces: &[T]) -> std::slice::Chunks<'_, T> {
    faces.chunks(FACES)
}

/// Networks that run until their [`CancellationToken`] is cancelled.
#[derive(Debug, Clone, Copy)]
pub struct Cancellable<'a, N: ?Sized> {
    /// The networks.
    pub nets: &'a N,
    /// Checked before each batch.
    pub token: &'a CancellationToken,
}

impl<N: ?Sized> Cancellable<'_, N> {
    fn in_batches<T, A>(
        &self,
        inputs: &[T],
        len: usize,
        run: impl Fn(&[T]) -> Result<Vec<A>>,
    ) -> Result<Vec<A>> {
        let mut outputs = Vec::with_capacity(inputs.len());
        for batch in inputs.chunks(len) {
            self.token.check()?;
            outputs.extend(run(batch)?);
        }
        Ok(outputs)
    }
}

impl<N: DetectorNets + ?Sized> DetectorNets for Cancellable<'_, N> {
    fn pnet(&self, photo: RgbView<'_>, levels: &[LevelSize], threshold: f32) -> Result<Vec<Vec<Proposal>>> {
        self.token.check()?;
        self.nets.pnet(photo, levels, threshold)
    }

    fn rnet(
        &self,
        photo: RgbView<'_>,
        windows: &[Window],
        threshold: f32,
    ) -> Result<Vec<Option<Refinement>>> {
        self.in_batches(windows, WINDOWS, |windows| self.nets.rnet(photo, windows, threshold))
    }

    fn onet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>> {
        self.in_batches(windows, WINDOWS, |windows| self.nets.onet(photo, windows))
    }
}

impl<N: FaceNet + ?Sized> FaceNet for Cancellable<'_, N> {
    fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
        self.in_batches(faces, FACES, |faces| self.nets.embed(faces))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Returns the number of each face, records batch sizes, and is cancelled at one face.
    struct Counting<'a> {
        token: &'a CancellationToken,
        last: f32,
        batches: Mutex<Vec<usize>>,
    }

    impl FaceNet for Counting<'_> {
        fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
            self.batches.lock().unwrap().push(faces.len());
            if faces.iter().any(|face| face.0[0] == self.last) {
                self.token.cancel();
            }
            Ok(faces.iter().map(|face| face.0.clone()).collect())
        }
    }

    fn embed(last: f32) -> (Result<Vec<Vec<f32>>>, Vec<usize>) {
        let faces: Vec<_> = (0..100_u8).map(|number| FaceInput(vec![number.into()])).collect();
        let token = &CancellationToken::default();
        let nets = &Counting { token, last, batches: Mutex::default() };
        let outputs = Cancellable { nets, token }.embed(&faces);
        let batches = nets.batches.lock().unwrap().clone();
        (outputs, batches)
    }

    #[test]
    fn batches_give_the_outputs_of_the_whole() {
        let (outputs, batches) = embed(-1.0);
        assert_eq!(
            outputs.unwrap(),
            (0..100_u8).map(|number| vec![number.into()]).collect::<Vec<Vec<f32>>>()
        );
        assert_eq!(batches, [48, 48, 4]);
    }

    #[test]
    fn cancelled_work_ends_before_the_next_batch() {
        let (outputs, batches) = embed(50.0);
        assert!(matches!(outputs, Err(Error::Cancelled)), "{outputs:?}");
        assert_eq!(batches, [48, 48]);
    }
}

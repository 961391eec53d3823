//! Work that ends when nobody waits for its answer any more: the client has gone, or its request took too
//! long. The networks ask between one portion of their work and the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::imaging::{RgbView, Window};
use crate::nn::{DetectorNets, FaceInput, FaceNet, LevelSize, OnetOutput, Proposal, Refinement};

/// Windows that R-Net and O-Net get at a time: some 50 ms of work for R-Net and 300 ms for O-Net on one core,
/// and enough for all cores.
const WINDOWS: usize = 1024;
/// Faces that FaceNet gets at a time: 1.5 s of work on one core; see [`portions`].
const FACES: usize = 48;

/// Whether somebody waits for an answer. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct CancellationToken {
    cancelled: Arc<AtomicBool>,
}

impl CancellationToken {
    /// Nobody waits any more.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// To be asked where work can end.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when nobody waits.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// The same faces in portions small enough for what each needs in memory (a crop and its numbers, 0.4 MB) and
/// large enough for all cores.
pub fn portions<T>(faces: &[T]) -> std::slice::Chunks<'_, T> {
    faces.chunks(FACES)
}

/// Networks that run until their [`CancellationToken`] is cancelled.
#[derive(Debug, Clone, Copy)]
pub struct Cancellable<'a, N: ?Sized> {
    /// The networks.
    pub nets: &'a N,
    /// Whether to go on.
    pub token: &'a CancellationToken,
}

impl<N: ?Sized> Cancellable<'_, N> {
    fn in_portions<T, A>(
        &self,
        inputs: &[T],
        len: usize,
        run: impl Fn(&[T]) -> Result<Vec<A>>,
    ) -> Result<Vec<A>> {
        let mut answers = Vec::with_capacity(inputs.len());
        for portion in inputs.chunks(len) {
            self.token.check()?;
            answers.extend(run(portion)?);
        }
        Ok(answers)
    }
}

impl<N: DetectorNets + ?Sized> DetectorNets for Cancellable<'_, N> {
    fn pnet(&self, photo: RgbView<'_>, levels: &[LevelSize], threshold: f32) -> Result<Vec<Vec<Proposal>>> {
        self.token.check()?;
        self.nets.pnet(photo, levels, threshold)
    }

    fn rnet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<Refinement>> {
        self.in_portions(windows, WINDOWS, |windows| self.nets.rnet(photo, windows))
    }

    fn onet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>> {
        self.in_portions(windows, WINDOWS, |windows| self.nets.onet(photo, windows))
    }
}

impl<N: FaceNet + ?Sized> FaceNet for Cancellable<'_, N> {
    fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
        self.in_portions(faces, FACES, |faces| self.nets.embed(faces))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers the number of each face, notes how many it got, and loses its client at one of them.
    struct Counting<'a> {
        token: &'a CancellationToken,
        last: f32,
        portions: Mutex<Vec<usize>>,
    }

    impl FaceNet for Counting<'_> {
        fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
            self.portions.lock().unwrap().push(faces.len());
            if faces.iter().any(|face| face.0[0] == self.last) {
                self.token.cancel();
            }
            Ok(faces.iter().map(|face| face.0.clone()).collect())
        }
    }

    fn embed(last: f32) -> (Result<Vec<Vec<f32>>>, Vec<usize>) {
        let faces: Vec<_> = (0..100_u8).map(|number| FaceInput(vec![number.into()])).collect();
        let token = &CancellationToken::default();
        let nets = &Counting { token, last, portions: Mutex::default() };
        let answer = Cancellable { nets, token }.embed(&faces);
        let portions = nets.portions.lock().unwrap().clone();
        (answer, portions)
    }

    #[test]
    fn portions_give_the_answers_that_the_whole_gives() {
        let (answer, portions) = embed(-1.0);
        assert_eq!(answer.unwrap(), (0..100_u8).map(|number| vec![number.into()]).collect::<Vec<Vec<f32>>>());
        assert_eq!(portions, [48, 48, 4]);
    }

    #[test]
    fn what_nobody_waits_for_ends_before_the_next_portion() {
        let (answer, portions) = embed(50.0);
        assert!(matches!(answer, Err(Error::Cancelled)), "{answer:?}");
        assert_eq!(portions, [48, 48]);
    }
}

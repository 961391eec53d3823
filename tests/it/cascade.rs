//! The steps between MTCNN's networks, on networks that answer what a test tells them to. The
//! expected numbers are worked out by hand from facenet-pytorch's `detect_face`.
//!
//! With the smallest face at 15 pixels the first pyramid level has the scale 12 / 15 = 0.8, and a
//! cell of P-Net there covers `floor((2c + 1) / 0.8)` to `floor((2c + 12) / 0.8)`.

use facerec::detect::{CandidateCounts, DetectParams, Detected, Detection, detect};
use facerec::error::Result;
use facerec::geometry::{BBox, Point};
use facerec::imaging::{RgbView, Window};
use facerec::nn::{DetectorNets, LevelSize, OnetOutput, Proposal, Refinement};

/// Networks that answer by rule. One that must not be asked has none.
#[derive(Default)]
struct Fake<'a> {
    /// The cells found on the first level, and those on the second.
    cells: Option<[Vec<Proposal>; 2]>,
    rnet: Option<&'a (dyn Fn(&Window) -> Refinement + Sync)>,
    onet: Option<&'a (dyn Fn(&Window) -> OnetOutput + Sync)>,
}

impl DetectorNets for Fake<'_> {
    fn pnet(&self, _: RgbView<'_>, levels: &[LevelSize], threshold: f32) -> Result<Vec<Vec<Proposal>>> {
        assert_eq!(threshold, 0.5);
        let [first, second] = self.cells.clone().expect("P-Net is not asked");
        let mut answers = vec![first, second];
        answers.resize(levels.len(), Vec::new());
        Ok(answers)
    }

    fn rnet(&self, _: RgbView<'_>, windows: &[Window], threshold: f32) -> Result<Vec<Option<Refinement>>> {
        assert_eq!(threshold, 0.6);
        let answer = self.rnet.expect("R-Net is not asked");
        Ok(windows
            .iter()
            .map(|window| Some(answer(window)).filter(|found| found.score > threshold))
            .collect())
    }

    fn onet(&self, _: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>> {
        Ok(windows.iter().map(self.onet.expect("O-Net is not asked")).collect())
    }
}

fn run(nets: &Fake<'_>, width: usize, height: usize) -> Detected {
    let data = vec![0; width * height * 3];
    detect(nets, RgbView { data: &data, width, height }, &DetectParams::default()).unwrap()
}

fn cell(col: u32, row: u32, score: f32) -> Proposal {
    Proposal { col, row, score, regression: [0.0; 4] }
}

fn sure(_: &Window) -> Refinement {
    Refinement { score: 0.99, regression: [0.0; 4] }
}

/// A face in the very box that O-Net was given.
fn as_is(score: f32) -> OnetOutput {
    OnetOutput { score, regression: [0.0; 4], landmarks: [0.5; 10] }
}

fn window(x0: usize, y0: usize, x1: usize, y1: usize) -> Window {
    Window { x0, y0, x1, y1 }
}

fn bbox(x1: f32, y1: f32, x2: f32, y2: f32) -> BBox {
    BBox { x1, y1, x2, y2 }
}

fn boxes(faces: &[Detection]) -> Vec<BBox> {
    faces.iter().map(|face| face.bbox).collect()
}

#[test]
fn a_photo_with_an_empty_pyramid_has_no_faces_and_no_network_is_asked() {
    let nobody = Fake::default();
    for (width, height) in [(14, 4000), (4000, 14), (1, 1), (14, 14)] {
        assert_eq!(run(&nobody, width, height), Detected::default(), "{width} x {height}");
    }
}

#[test]
fn without_candidates_the_later_networks_are_not_asked() {
    let nets = Fake { cells: Some([vec![], vec![]]), ..Fake::default() };
    assert_eq!(run(&nets, 100, 100), Detected::default());
}

#[test]
fn one_face_goes_through_all_three_networks() {
    // Column 3: 7 / 0.8 = 8.75, 18 / 0.8 = 22.5; row 0: 1 / 0.8 = 1.25, 12 / 0.8 = 15.
    // A square of 14; its pixels count from 1: columns 8 to 22, rows 1 to 15.
    let rnet = |seen: &Window| {
        assert_eq!(*seen, window(7, 0, 22, 15));
        Refinement { score: 0.9, regression: [0.1, 0.0, -0.1, 0.2] }
    };
    // bbreg with sides of 14 + 1: 8 + 1.5, 1, 22 - 1.5, 15 + 3: 11 wide, 17 high.
    // rerec: 9.5 + 5.5 - 8.5 = 6.5, and 17 more.
    let onet = |seen: &Window| {
        assert_eq!(*seen, window(5, 0, 23, 18));
        let landmarks = [0.25, 0.75, 0.5, 0.25, 0.75, 0.25, 0.25, 0.5, 0.75, 0.75];
        OnetOutput { score: 0.95, regression: [0.5, -0.5, 0.0, 1.0], landmarks }
    };
    let nets = Fake { cells: Some([vec![cell(3, 0, 0.9)], vec![]]), rnet: Some(&rnet), onet: Some(&onet) };
    let found = run(&nets, 100, 80);
    assert_eq!(found.candidates, CandidateCounts { rnet: 1, onet: 1 });
    let [face] = &found.faces[..] else { panic!("{found:?}") };
    // bbreg with sides of 17 + 1: 6.5 + 9, 1 - 9, 23.5, 18 + 18.
    assert_eq!((face.bbox, face.probability), (bbox(15.5, -8.0, 23.5, 36.0), 0.95));
    // 18 * p + 6.5 - 1 and 18 * p + 1 - 1, from the box before its regression.
    let point = |x, y| Point { x, y };
    let expected =
        [point(10.0, 4.5), point(19.0, 4.5), point(14.5, 9.0), point(10.0, 13.5), point(19.0, 13.5)];
    assert_eq!(face.landmarks.points(), expected);
}

#[test]
fn thousands_of_candidates_each_keep_their_own_answer() {
    // 50 x 50 piles, 25 pixels apart, of two boxes of 14 x 14 each: columns 10 i and 10 i + 1 start at
    // 25 i + 1 and 25 i + 3 (3.75 rounded down), so they share 12 x 14 pixels: an IoU of
    // 168 / 224 = 0.75, and the surer one stays.
    let right_is_surer = |i: u32, j: u32| (i + j) % 2 == 1;
    let mut cells = Vec::new();
    for (j, i) in (0..50).flat_map(|j| (0..50).map(move |i| (j, i))) {
        let (left, right) = if right_is_surer(i, j) { (0.6, 0.9) } else { (0.9, 0.6) };
        cells.push(cell(10 * i, 10 * j, left));
        cells.push(cell(10 * i + 1, 10 * j, right));
    }
    // O-Net takes those of the column of piles that begins at 25 * 7.
    let onet = |seen: &Window| as_is(if (175..200).contains(&seen.x0) { 0.9 } else { 0.1 });
    let nets = Fake { cells: Some([cells, vec![]]), rnet: Some(&sure), onet: Some(&onet) };
    let found = run(&nets, 1250, 1250);
    assert_eq!(found.candidates, CandidateCounts { rnet: 2500, onet: 2500 });
    let mut kept = boxes(&found.faces);
    kept.sort_by(|a, b| a.y1.total_cmp(&b.y1));
    let expected = (0..50u32).map(|j| {
        let x1 = if right_is_surer(7, j) { 178.0 } else { 176.0 };
        let y1 = 25.0 * j as f32 + 1.0;
        bbox(x1, y1, x1 + 14.0, y1 + 14.0)
    });
    assert_eq!(kept, expected.collect::<Vec<BBox>>());
}

#[test]
fn a_photo_with_too_many_candidates_loses_some_and_counts_them() {
    // 70 x 70 boxes of 14 x 14, 25 pixels apart; O-Net takes 8 for each of 500 faces.
    let cells: Vec<Proposal> =
        (0..70).flat_map(|row| (0..70).map(move |col| cell(10 * col, 10 * row, 0.9))).collect();
    let refuse = |_: &Window| as_is(0.1);
    let nets = Fake { cells: Some([cells, vec![]]), rnet: Some(&sure), onet: Some(&refuse) };
    let found = run(&nets, 1750, 1750);
    assert_eq!((found.candidates, found.omitted), (CandidateCounts { rnet: 4900, onet: 4000 }, 900));
    assert!(found.faces.is_empty());
}

#[test]
fn of_equal_areas_the_later_face_comes_first() {
    // Columns 0, 10 and 20: boxes of 14 x 14 at 1, 26 and 51. O-Net is surest of the one in the
    // middle, then the left one; suppression leaves them in that order, and `argsort` reversed turns it
    // round.
    let onet = |seen: &Window| {
        as_is(match seen.x0 {
            0 => 0.8,
            25 => 0.9,
            _ => 0.7,
        })
    };
    let cells = vec![cell(0, 0, 0.9), cell(10, 0, 0.8), cell(20, 0, 0.7)];
    let nets = Fake { cells: Some([cells.clone(), vec![]]), rnet: Some(&sure), onet: Some(&onet) };
    let x1 = |found: Detected| found.faces.iter().map(|face| face.bbox.x1).collect::<Vec<f32>>();
    assert_eq!(x1(run(&nets, 100, 100)), [51.0, 1.0, 26.0]);

    // All equally sure: `nms_numpy` takes the later of equal scores first (51, 26, 1).
    let onet = |_: &Window| as_is(0.9);
    let nets = Fake { cells: Some([cells, vec![]]), rnet: Some(&sure), onet: Some(&onet) };
    assert_eq!(x1(run(&nets, 100, 100)), [1.0, 26.0, 51.0]);
}

#[test]
fn a_larger_face_comes_first_however_sure_the_smaller_one_is() {
    // A cell of the second level, scale 0.8 * 0.709 = 0.5672: column 15 is 31 / 0.5672 = 54.65 to
    // 42 / 0.5672 = 74.05.
    let onet = |seen: &Window| as_is(if seen.x0 == 53 { 0.7 } else { 0.99 });
    let nets = Fake {
        cells: Some([vec![cell(0, 0, 0.9)], vec![cell(15, 0, 0.6)]]),
        rnet: Some(&sure),
        onet: Some(&onet),
    };
    let found = run(&nets, 100, 100);
    // Rows: 1 / 0.5672 = 1.76 and 12 / 0.5672 = 21.16.
    assert_eq!(boxes(&found.faces), [bbox(54.0, 1.0, 74.0, 21.0), bbox(1.0, 1.0, 15.0, 15.0)]);
}

#[test]
fn of_a_face_found_at_two_scales_the_surer_one_stays() {
    // First level: 3 / 0.8 = 3.75, 14 / 0.8 = 17.5: a box of 14 x 14 inside that of 20 x 20 of the second
    // level (1.76 and 21.16). Their IoU is 196 / 400; with the +1 the smaller one is wholly covered.
    for (small, large, kept) in [(0.9, 0.8, 3.0), (0.8, 0.9, 1.0)] {
        let onet = move |seen: &Window| as_is(if seen.x0 == 2 { small } else { large });
        let nets = Fake {
            cells: Some([vec![cell(1, 1, 0.9)], vec![cell(0, 0, 0.9)]]),
            rnet: Some(&sure),
            onet: Some(&onet),
        };
        let found = run(&nets, 100, 100);
        assert_eq!(found.candidates, CandidateCounts { rnet: 2, onet: 2 });
        assert_eq!(found.faces.iter().map(|face| face.bbox.x1).collect::<Vec<f32>>(), [kept]);
    }
}

#[test]
fn a_box_that_reaches_outside_is_seen_where_it_lies_inside() {
    // 8 - 14, 1 - 14 and 22, 15: a square of 28 with its upper left corner outside.
    let reaching = Proposal { regression: [-1.0, -1.0, 0.0, 0.0], ..cell(3, 0, 0.9) };
    let rnet = |seen: &Window| {
        assert_eq!(*seen, window(0, 0, 22, 15));
        sure(seen)
    };
    let onet = |_: &Window| as_is(0.9);
    let nets = Fake { cells: Some([vec![reaching], vec![]]), rnet: Some(&rnet), onet: Some(&onet) };
    let found = run(&nets, 100, 100);
    assert_eq!(boxes(&found.faces), [bbox(-6.0, -13.0, 22.0, 15.0)]);
    // 29 / 2 - 6 - 1 and 29 / 2 - 13 - 1: in the whole box, not in its part inside.
    assert_eq!(found.faces[0].landmarks.nose, Point { x: 7.5, y: 0.5 });
}

#[test]
fn a_box_without_pixels_is_dropped_and_the_others_keep_their_answers() {
    // The middle one moves by 7 widths of 14 to the right, to 124 of 100 pixels.
    let outside = Proposal { regression: [7.0, 0.0, 7.0, 0.0], ..cell(10, 0, 0.8) };
    let cells = vec![cell(0, 0, 0.9), outside, cell(20, 0, 0.7)];
    // R-Net moves the box at 51 by 3 heights of 15 down.
    let rnet = |seen: &Window| match seen.x0 {
        0 => Refinement { score: 0.9, regression: [0.0; 4] },
        50 => Refinement { score: 0.8, regression: [0.0, 3.0, 0.0, 3.0] },
        _ => panic!("{seen:?}"),
    };
    let onet = |seen: &Window| as_is(if seen.y0 == 45 { 0.7 } else { 0.8 });
    let nets = Fake { cells: Some([cells.clone(), vec![]]), rnet: Some(&rnet), onet: Some(&onet) };
    let found = run(&nets, 100, 100);
    assert_eq!(found.candidates, CandidateCounts { rnet: 2, onet: 2 });
    let found: Vec<(BBox, f32)> = found.faces.iter().map(|face| (face.bbox, face.probability)).collect();
    assert_eq!(found, [(bbox(51.0, 46.0, 65.0, 60.0), 0.7), (bbox(1.0, 1.0, 15.0, 15.0), 0.8)]);

    // R-Net moves the box at 1 out of the photo, by 2 widths of 15 to the left: O-Net sees the other one.
    let rnet = |seen: &Window| {
        let by = if seen.x0 == 0 { -2.0 } else { 0.0 };
        Refinement { score: 0.9, regression: [by, 0.0, by, 0.0] }
    };
    let onet = |seen: &Window| {
        assert_eq!(*seen, window(50, 0, 65, 15));
        as_is(0.9)
    };
    let nets = Fake { cells: Some([cells, vec![]]), rnet: Some(&rnet), onet: Some(&onet) };
    let found = run(&nets, 100, 100);
    assert_eq!(found.candidates, CandidateCounts { rnet: 2, onet: 1 });
    assert_eq!(boxes(&found.faces), [bbox(51.0, 1.0, 65.0, 15.0)]);
}

#[test]
fn when_the_second_network_rejects_all_the_third_is_not_asked() {
    // R-Net's bound must be exceeded.
    let rnet = |_: &Window| Refinement { score: 0.6, regression: [0.0; 4] };
    let cells = vec![cell(0, 0, 0.9), cell(10, 0, 0.8)];
    let nets = Fake { cells: Some([cells.clone(), vec![]]), rnet: Some(&rnet), onet: None };
    let found = run(&nets, 100, 100);
    assert_eq!(found, Detected { candidates: CandidateCounts { rnet: 2, onet: 0 }, ..Detected::default() });

    // And so must O-Net's.
    let onet = |seen: &Window| as_is(if seen.x0 == 0 { 0.6 } else { 0.600_001 });
    let nets = Fake { cells: Some([cells, vec![]]), rnet: Some(&sure), onet: Some(&onet) };
    assert_eq!(boxes(&run(&nets, 100, 100).faces), [bbox(26.0, 1.0, 40.0, 15.0)]);
}

#[test]
fn wild_numbers_bring_nothing_down() {
    for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN] {
        let proposal = Proposal { regression: [wild; 4], ..cell(3, 0, 0.9) };
        let nets = Fake { cells: Some([vec![proposal], vec![]]), ..Fake::default() };
        assert_eq!(run(&nets, 100, 100), Detected::default(), "{wild}");

        let rnet = move |_: &Window| Refinement { score: 0.9, regression: [wild; 4] };
        let nets = Fake { cells: Some([vec![cell(3, 0, 0.9)], vec![]]), rnet: Some(&rnet), onet: None };
        assert_eq!(run(&nets, 100, 100).candidates, CandidateCounts { rnet: 1, onet: 0 }, "{wild}");

        // An answer that is no number is no face.
        let onet = |_: &Window| as_is(f32::NAN);
        let nets =
            Fake { cells: Some([vec![cell(3, 0, 0.9)], vec![]]), rnet: Some(&sure), onet: Some(&onet) };
        assert_eq!(run(&nets, 100, 100).faces, []);
    }
}

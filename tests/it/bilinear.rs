//! The bilinear resize against Pillow, bit for bit: `tests/golden/imaging/make_bilinear.py`.

use std::collections::HashMap;
use std::fmt::Write as _;

use facerec::imaging::bilinear::resize_bilinear;
use facerec::imaging::{RgbView, Window};
use sha2::{Digest, Sha256};

/// One row of `bilinear/expected.json`.
#[derive(serde::Deserialize)]
struct Expected {
    photo: String,
    window: [usize; 4],
    size: [usize; 2],
    sha256: String,
    png: Option<String>,
}

#[test]
fn every_window_is_pillows_bit_for_bit() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let rows: Vec<Expected> = serde_json::from_str(
        &std::fs::read_to_string(format!("{golden}/imaging/bilinear/expected.json")).unwrap(),
    )
    .unwrap();
    assert!(rows.len() > 200, "only {} windows", rows.len());
    let photos: HashMap<&str, image::RgbImage> =
        [("astronaut.png", "photos"), ("group.png", "photos"), ("noise.png", "imaging/bilinear")]
            .map(|(name, folder)| (name, image::open(format!("{golden}/{folder}/{name}")).unwrap().to_rgb8()))
            .into();

    for row in rows {
        let photo = &photos[row.photo.as_str()];
        let view =
            RgbView { data: photo.as_raw(), width: photo.width() as usize, height: photo.height() as usize };
        let [x0, y0, x1, y1] = row.window;
        let pixels = resize_bilinear(view, Window { x0, y0, x1, y1 }, row.size[0], row.size[1]);
        if let Some(png) = &row.png {
            let expected = image::open(format!("{golden}/imaging/bilinear/{png}")).unwrap().to_rgb8();
            let first = pixels.iter().zip(expected.as_raw()).position(|(a, b)| a != b);
            assert_eq!(first, None, "{png}: first differing byte");
        }
        let sha256 = Sha256::digest(&pixels).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        assert_eq!(sha256, row.sha256, "{} {:?} -> {:?}", row.photo, row.window, row.size);
    }
}

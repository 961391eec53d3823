//! Photos that phones make and this build does not read: the 415 says what to do, at every address.

use serde_json::json;

use crate::support::app::{Form, Service};

const AVIF: &[u8] = b"\0\0\0\x1Cftypavif\0\0\0\0mif1avifmiaf";
const AVIF_SAID: &str = "AVIF photos are not read here: convert the photo to JPEG or PNG";

#[cfg(not(feature = "phone-photos"))]
const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
#[cfg(not(feature = "phone-photos"))]
const HEIC_SAID: &str = "HEIC photos are not read here: on an iPhone choose Settings > Camera > Formats > Most Compatible, \
                         or convert the photo to JPEG, or run a facerec that was built with the feature phone-photos";

const CASES: &[(&[u8], &str)] = &[
    (AVIF, AVIF_SAID),
    #[cfg(not(feature = "phone-photos"))]
    (HEIC, HEIC_SAID),
];

#[test]
fn the_answer_says_what_to_do() {
    let service = Service::empty(&[]);
    for (photo, said) in CASES {
        let old = service.post_form("/recognize_faces", Form::new().file("file", "a.heic", photo));
        assert_eq!(old.expect(415), json!({ "error": said }));
        for path in ["/v1/recognize", "/v1/detect"] {
            let problem = service.post_photo(path, photo.to_vec()).problem(415, "unsupported_image");
            assert_eq!(problem["detail"], *said, "{path}");
        }
        let enrol = Form::new().text("name", "Ada Example").file("photos", "a.heic", photo);
        let refused = service.post_form("/v1/people", enrol).body.to_string();
        assert!(refused.contains("not_an_image") && refused.contains(said), "{refused}");
    }
}

#[test]
fn the_flask_profile_answers_as_the_flask_service_did() {
    let service = Service::empty(&["--compat", "flask"]);
    for (photo, _) in CASES {
        let answer = service.post_form("/recognize_faces", Form::new().file("file", "a.heic", photo));
        assert_eq!(answer.expect(200), json!({"error": "Conversion failed"}));
    }
}

//! The thresholds of the enrolment gate as arguments.

use clap::Args;

use super::range::{distance, number, share};
use crate::enroll::GateParams;

/// Thresholds of the quality gate; arguments of every command that enrols.
#[derive(Debug, Clone, Copy, PartialEq, Args)]
#[command(next_help_heading = "Which photos are enrolled")]
pub struct GateArgs {
    /// Minimum detection probability of the face, 0 to 1
    #[arg(long, env = "FACEREC_ENROLL_MIN_PROBABILITY", value_name = "PROBABILITY",
          default_value_t = GateParams::default().min_probability, value_parser = share())]
    pub enroll_min_probability: f32,
    /// Minimum width and height of the face, pixels
    #[arg(long, env = "FACEREC_ENROLL_MIN_FACE_PX", value_name = "PIXELS",
          default_value_t = GateParams::default().min_face_px, value_parser = number(GateParams::FACE_SIDES_PX))]
    pub enroll_min_face_px: f32,
    /// Other faces count from this share of the main face's area, 0 to 1; 0 counts every face
    #[arg(long, env = "FACEREC_ENROLL_MIN_RIVAL_AREA", value_name = "SHARE",
          default_value_t = GateParams::default().min_rival_area, value_parser = share())]
    pub enroll_min_rival_area: f32,
    /// Minimum sharpness: variance of the Laplacian over the face's luma, at half its size; 0 disables the check
    #[arg(long, env = "FACEREC_ENROLL_MIN_SHARPNESS", value_name = "VARIANCE",
          default_value_t = GateParams::default().min_sharpness, value_parser = number(GateParams::SHARPNESSES))]
    pub enroll_min_sharpness: f32,
    /// Largest yaw of the head to either side, degrees; 90 disables the check
    #[arg(long, env = "FACEREC_ENROLL_MAX_YAW_DEG", value_name = "DEGREES",
          default_value_t = GateParams::default().max_yaw_deg, value_parser = number(GateParams::TURNS_DEG))]
    pub enroll_max_yaw_deg: f32,
    /// Largest pitch of the head up or down, degrees; 90 disables the check
    #[arg(long, env = "FACEREC_ENROLL_MAX_PITCH_DEG", value_name = "DEGREES",
          default_value_t = GateParams::default().max_pitch_deg, value_parser = number(GateParams::TURNS_DEG))]
    pub enroll_max_pitch_deg: f32,
    /// Largest roll of the head to either side, degrees; 180 disables the check
    #[arg(long, env = "FACEREC_ENROLL_MAX_ROLL_DEG", value_name = "DEGREES",
          default_value_t = GateParams::default().max_roll_deg, value_parser = number(GateParams::ROLLS_DEG))]
    pub enroll_max_roll_deg: f32,
    /// Cosine distance below which two photos agree that they show one person; 0 disables the check
    #[arg(long, env = "FACEREC_ENROLL_OTHER_PERSON_DISTANCE", value_name = "DISTANCE",
          default_value_t = GateParams::default().other_person_distance, value_parser = distance())]
    pub enroll_other_person_distance: f32,
    /// Cosine distance below which a photo is a duplicate of one of the same person; 0 disables the check
    #[arg(long, env = "FACEREC_ENROLL_SAME_PHOTO_DISTANCE", value_name = "DISTANCE",
          default_value_t = GateParams::default().same_photo_distance, value_parser = distance())]
    pub enroll_same_photo_distance: f32,
}

impl From<&GateArgs> for GateParams {
    /// Infallible: the argument parsers have checked every value.
    fn from(args: &GateArgs) -> Self {
        Self {
            min_probability: args.enroll_min_probability,
            min_face_px: args.enroll_min_face_px,
            min_rival_area: args.enroll_min_rival_area,
            min_sharpness: args.enroll_min_sharpness,
            max_yaw_deg: args.enroll_max_yaw_deg,
            max_pitch_deg: args.enroll_max_pitch_deg,
            max_roll_deg: args.enroll_max_roll_deg,
            other_person_distance: args.enroll_other_person_distance,
            same_photo_distance: args.enroll_same_photo_distance,
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
        gate: GateArgs,
    }

    fn parse(args: &[&str]) -> Result<GateParams, String> {
        let parsed = Cli::try_parse_from(["facerec"].iter().chain(args));
        parsed.map(|cli| GateParams::from(&cli.gate)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_the_gates_own() {
        assert_eq!(parse(&[]).unwrap(), GateParams::default());
    }

    #[test]
    fn each_bound_has_its_own_flag() {
        let set = parse(&[
            "--enroll-min-probability=0.1",
            "--enroll-min-face-px=2",
            "--enroll-min-rival-area=0.3",
            "--enroll-min-sharpness=4",
            "--enroll-max-yaw-deg=5",
            "--enroll-max-pitch-deg=6",
            "--enroll-max-roll-deg=170",
            "--enroll-other-person-distance=0.8",
            "--enroll-same-photo-distance=0",
        ]);
        let expected = GateParams {
            min_probability: 0.1,
            min_face_px: 2.0,
            min_rival_area: 0.3,
            min_sharpness: 4.0,
            max_yaw_deg: 5.0,
            max_pitch_deg: 6.0,
            max_roll_deg: 170.0,
            other_person_distance: 0.8,
            same_photo_distance: 0.0,
        };
        assert_eq!(set.unwrap(), expected);
    }

    #[test]
    fn bounds_that_mean_nothing_are_refused() {
        for (flag, expected) in [
            ("--enroll-max-yaw-deg=91", "expected a number from 0 to 90, found \"91\""),
            ("--enroll-max-roll-deg=-1", "expected a number from 0 to 180, found \"-1\""),
            ("--enroll-min-sharpness=NaN", "expected a number from 0 to 1040400, found \"NaN\""),
            ("--enroll-min-rival-area=2", "expected a number from 0 to 1, found \"2\""),
        ] {
            let message = parse(&[flag]).unwrap_err();
            assert!(message.contains(expected), "{flag}: {message}");
        }
    }
}

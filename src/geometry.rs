//! Boxes and points in pixels of the upright photo: x to the right, y down, origin at the
//! top left corner of the top left pixel.

/// An axis-aligned bounding box, in pixels. It may reach outside the photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BBox {
    /// Left edge.
    pub x1: f32,
    /// Upper edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Lower edge.
    pub y2: f32,
}

impl BBox {
    /// `x2 - x1`; negative for an inside-out box.
    #[must_use]
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// `y2 - y1`; negative for an inside-out box.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// Width times height, square pixels.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// The middle of the box, (x, y).
    #[must_use]
    pub fn center(&self) -> (f32, f32) {
        (f32::midpoint(self.x1, self.x2), f32::midpoint(self.y1, self.y2))
    }
}

/// A point in the photo, pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// The five points that O-Net finds. "Left" and "right" are as seen in the photo (the left eye
/// has the smaller x in an upright frontal face), as in facenet-pytorch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Landmarks {
    /// Eye on the left side of the photo.
    pub left_eye: Point,
    /// Eye on the right side of the photo.
    pub right_eye: Point,
    /// Tip of the nose.
    pub nose: Point,
    /// Corner of the mouth on the left side of the photo.
    pub mouth_left: Point,
    /// Corner of the mouth on the right side of the photo.
    pub mouth_right: Point,
}

impl Landmarks {
    /// The points in O-Net's order: left eye, right eye, nose, left and right corner of the mouth.
    #[must_use]
    pub fn points(&self) -> [Point; 5] {
        [self.left_eye, self.right_eye, self.nose, self.mouth_left, self.mouth_right]
    }
}

impl From<[Point; 5]> for Landmarks {
    fn from([left_eye, right_eye, nose, mouth_left, mouth_right]: [Point; 5]) -> Self {
        Self { left_eye, right_eye, nose, mouth_left, mouth_right }
    }
}

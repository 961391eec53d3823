mod bilinear;
mod golden;
mod support;

mod bilinear;
mod support;

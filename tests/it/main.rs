mod bilinear;
mod decoders;
mod golden;
mod support;

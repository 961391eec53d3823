mod bilinear;
mod import_pickle;
mod support;

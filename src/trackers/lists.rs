//! Where list texts come from: files the owner wrote, and downloads with a copy kept on disk.

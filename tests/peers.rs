//! Clients and servers of other people, each as it comes from Debian, with the program itself between them.

mod browser;
mod events;
mod git;
mod grpc;
mod h2;
mod haproxy;
mod httpx;
mod pip;
mod undici;
mod websocket;

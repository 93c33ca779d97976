// Names without a dot, of this house, and addresses that are not public go direct; everything else through the gateway.
function FindProxyForURL(url, host) {
  host = host.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
  var mapped = /^::ffff:([0-9a-f]{1,4}):[0-9a-f]{1,4}$/.exec(host);
  var four = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(host);
  if (mapped || four) {
    var a = mapped ? parseInt(mapped[1], 16) >> 8 : +four[1];
    var b = mapped ? parseInt(mapped[1], 16) & 255 : +four[2];
    if (a == 0 || a == 10 || a == 127 || (a == 100 && b >= 64 && b < 128) || (a == 169 && b == 254) ||
        (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168)) return "DIRECT";
  } else if (host.indexOf(":") >= 0) {
    if (/^(::1?$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/.test(host)) return "DIRECT";
  } else if (host.indexOf(".") < 0 || /\.(local|localhost|home\.arpa)$/.test(host)) {
    return "DIRECT";
  }
  return "PROXY @proxy@";
}

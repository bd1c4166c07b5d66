// Loaded before Frappe's realtime server, which listens on every interface and offers no choice.
const net = require("net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
	return typeof port === "number"
		? listen.call(this, { port, host: "127.0.0.1" }, ...rest.filter((r) => typeof r === "function"))
		: listen.call(this, port, ...rest);
};

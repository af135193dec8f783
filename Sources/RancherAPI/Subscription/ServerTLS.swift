import NIOCore
package import NIOSSL

/// TLS with one server: its name is sent and checked; an address cannot be sent, and is checked against the
/// certificate's.
package struct ServerTLS: Sendable {
    private let host: String
    private let context: NIOSSLContext
    /// Set behind a tunnel: the library takes the other end of the connection for the server, and that is the proxy.
    private let address: IPAddress?

    /// Reads the trust roots.
    ///
    /// - Parameters:
    ///   - host: A name or an address, as it stands in the URL.
    ///   - isTunnelled: Whether the connection goes through a proxy.
    ///   - configuration: Checks the certificate and the name in it.
    /// - Throws: NIOSSL's error if the trust roots cannot be read.
    package init(to host: String, isTunnelled: Bool, _ configuration: TLSConfiguration) throws {
        self.host = host
        var configuration = configuration
        address = isTunnelled ? IPAddress(host) : nil
        if address != nil { configuration.certificateVerification = .noHostnameVerification }
        context = try NIOSSLContext(configuration: configuration)
    }

    /// For one connection.
    package func handler() throws -> NIOSSLClientHandler {
        if let address {
            // Nothing is sent before this has been looked at.
            return try NIOSSLClientHandler._makeSSLClientHandler(context: context, serverHostname: nil) {
                certificate, channel in
                certificate.isFor(address)
                    ? channel.eventLoop.makeSucceededVoidFuture()
                    : channel.eventLoop.makeFailedFuture(NIOSSLExtraError.failedToValidateHostname)
            }
        }
        return try NIOSSLClientHandler(context: context, serverHostname: IPAddress(host) == nil ? host : nil)
    }
}

extension NIOSSLCertificate {
    /// Whether the address is among its alternative names.
    func isFor(_ address: IPAddress) -> Bool {
        _subjectAlternativeNames().contains { $0.nameType == .ipAddress && Array($0.contents) == address.bytes }
    }
}

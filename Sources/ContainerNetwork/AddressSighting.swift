/// What one look at a container's network showed.
package enum AddressSighting: Sendable, Hashable {
    /// Its IPv4 address, without a prefix length.
    case address(String)
    /// The network plug-in has failed; its text. There is no sense in looking again.
    case failed(String)
    /// No address so far, and why; another look may show one.
    case notYet(String)
}

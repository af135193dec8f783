import Inspection

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where the standard output goes.
enum Terminal {
    /// How a report has to look there: in full and plain for a file or another program, else as wide as the terminal,
    /// and in colours unless NO_COLOR is set.
    static func style(environment: [String: String]) -> ReportStyle {
        style(isTerminal: isatty(STDOUT_FILENO) == 1, windowColumns: windowColumns, environment: environment)
    }

    static func style(isTerminal: Bool, windowColumns: Int, environment: [String: String]) -> ReportStyle {
        guard isTerminal else { return ReportStyle() }
        let told = environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        let isPlain = environment["NO_COLOR"]?.isEmpty == false || environment["TERM"] == "dumb"
        return ReportStyle(width: windowColumns > 0 ? windowColumns : told ?? 100, isColoured: !isPlain)
    }

    /// 0 if nobody knows.
    private static var windowColumns: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : 0
    }
}

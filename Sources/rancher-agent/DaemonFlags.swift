/// The flags of the daemon as they have always been written (PROTOCOL 1.1): with one dash or two, the value behind a
/// `=` or as the next argument, and truth values perhaps spelled out.
enum DaemonFlags {
    private static let texts: Set = ["url", "register-service", "listen", "log-format"]
    private static let switches: Set = ["version", "unregister-service"]

    /// Puts them into the one form that the parser knows. Everything from the name of another command on, and every flag
    /// that is not known here, stays as it is.
    static func normalized(_ arguments: [String]) -> [String] {
        var result: [String] = []
        var rest = arguments[...]
        if rest.first == "run" { result.append(rest.removeFirst()) }
        while let argument = rest.first, argument.hasPrefix("-"), argument != "-", argument != "--" {
            rest.removeFirst()
            let body = argument.drop { $0 == "-" }
            let name = String(body.prefix { $0 != "=" })
            let value = body.contains("=") ? String(body.dropFirst(name.count + 1)) : nil
            let isFlag = argument.count - body.count <= 2
            if isFlag, texts.contains(name) {
                // The next argument is the value, whatever it looks like.
                guard let value = value ?? rest.popFirst() else {
                    result.append("--\(name)")
                    continue
                }
                // Scripts hand on a variable that may be empty: the same as without the flag.
                if !value.isEmpty { result.append("--\(name)=\(value)") }
            } else if isFlag, switches.contains(name) {
                switch value {
                case nil, "1", "t", "T", "true", "TRUE", "True": result.append("--\(name)")
                case "0", "f", "F", "false", "FALSE", "False": break
                default: result.append(argument)
                }
            } else if argument == "-help" {
                result.append("--help")
            } else {
                result.append(argument)
            }
        }
        return result + rest
    }
}

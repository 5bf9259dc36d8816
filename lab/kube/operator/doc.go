// Package operator is ptplab's PTP operator. It keeps the objects of the stack as PtpOperatorConfig, the PtpConfigs and
// the nodes ask for, and serves the webhook that turns down wrong ones. To users it looks as upstream's does.
package operator

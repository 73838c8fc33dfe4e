/* As `hal/types/moddable.d.ts`: what only the wirings use of the platform. */

/// <reference types="@moddable/typings/embedded_io/serial.d.ts" />
/// <reference types="@moddable/typings/embedded_io/i2c.d.ts" />
/// <reference types="@moddable/typings/qrcode.d.ts" />
/// <reference path="./pulse-width.d.ts" />
